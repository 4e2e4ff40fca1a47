import { queueHandler } from '../kernel/batch';
import { SendMessage, sendMessages } from './send';

export const handler = queueHandler('messages', SendMessage, sendMessages);
