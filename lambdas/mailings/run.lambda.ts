import { queueHandler } from '../kernel/batch';
import { RunMessage } from './mailings';
import { run } from './run';

export const handler = queueHandler('mailings', RunMessage, run);
