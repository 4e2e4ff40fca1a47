import { queueHandler } from '../kernel/batch';
import { register } from './registration';
import { RegistrationTurn } from './schema';

export const handler = queueHandler('registrations', RegistrationTurn, register);
