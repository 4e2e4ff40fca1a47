import { httpApi } from '../kernel/http';
import { AuditContract } from './contract';
import { handlers } from './trail';

export const handler = httpApi(AuditContract, handlers);
