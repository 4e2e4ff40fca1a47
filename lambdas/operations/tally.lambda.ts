import { tally } from './tally';

export const handler = tally;
