import { queueHandler } from '../kernel/batch';
import { ImportMessage, importPiece } from './import';

export const handler = queueHandler('imports', ImportMessage, importPiece);
