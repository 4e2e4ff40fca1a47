import { httpApi } from '../kernel/http';
import { handlers } from './bulk';
import { BulkContract } from './contract';

export const handler = httpApi(BulkContract, handlers);
