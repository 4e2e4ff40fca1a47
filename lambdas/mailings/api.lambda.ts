import { httpApi } from '../kernel/http';
import { MailingsContract } from './contract';
import { handlers } from './handlers';

export const handler = httpApi(MailingsContract, handlers);
