import { timestamp } from '../kernel/clock';
import type { Deed } from './schema';

/** Operations that the log of a mailing or a client keeps; older ones are in the functions' logs. */
const KEPT = 50;

/** A history with one more operation, done now. */
export const withDeed = (history: Deed[], by: string, what: string): Deed[] =>
  [...history, { at: timestamp(), by, what }].slice(-KEPT);
