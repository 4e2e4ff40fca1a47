import { queueHandler } from '../kernel/batch';
import { refreshPage } from './refresh';
import { RefreshPage } from './schema';

export const handler = queueHandler('pages', RefreshPage, refreshPage);
