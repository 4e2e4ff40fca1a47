import { queueHandler } from '../kernel/batch';
import { AskedClosing, closeAsked } from './closing';

export const handler = queueHandler('closings', AskedClosing, (asked, { last }) => closeAsked(asked, last));
