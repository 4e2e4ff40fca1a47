import { queueHandler } from '../kernel/batch';
import { divide } from './divide';
import { RefreshSegment } from './schema';

export const handler = queueHandler('segments', RefreshSegment, divide);
