import { minute } from './minute';

export const handler = minute;
