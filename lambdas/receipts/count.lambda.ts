import { streamHandler } from '../kernel/stream';
import { countBatch } from './count';

export const handler = streamHandler(countBatch);
