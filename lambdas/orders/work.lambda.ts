import { queueHandler } from '../kernel/batch';
import { QueuedTask } from './schema';
import { work } from './work';

export const handler = queueHandler('tasks', QueuedTask, work);
