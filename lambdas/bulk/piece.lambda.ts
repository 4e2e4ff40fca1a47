import { queueHandler } from '../kernel/batch';
import { Piece } from './schema';
import { workOn } from './work';

export const handler = queueHandler('bulk', Piece, workOn);
