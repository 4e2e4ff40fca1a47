import { keep } from './keep';

export const handler = keep;
