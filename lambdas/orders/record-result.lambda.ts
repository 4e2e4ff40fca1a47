import { queueHandler } from '../kernel/batch';
import { recordResult } from './results';
import { TaskResult } from './schema';

export const handler = queueHandler('results', TaskResult, recordResult);
