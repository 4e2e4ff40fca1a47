import { queueHandler } from '../kernel/batch';
import { SafeBatch, storeWaiting } from './ingest';

export const handler = queueHandler('profile records', SafeBatch, storeWaiting);
