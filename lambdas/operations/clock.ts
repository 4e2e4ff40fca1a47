import { CLOCK_KEY, now } from '../kernel/clock';
import { commit } from '../kernel/commit';
import { findEnv } from '../kernel/env';
import type { Handler } from '../kernel/http';
import { Problem } from '../kernel/problem';
import { table } from '../kernel/table';
import type { Operations } from './contract';

/** What functions follow, within a second. Only the functions of a local stage have this table. */
const clock = table('CLOCK_TABLE');
const isMovable = (): boolean => findEnv('CLOCK_TABLE') !== undefined;

export const getClock: Handler<Operations['getClock']> = async () => ({
  offset_seconds: Math.round((now().getTime() - Date.now()) / 1_000),
  movable: isMovable(),
});

/** Only where the stage gave the right: elsewhere there is no table to write to. One transaction of two items. */
export const moveClock: Handler<Operations['moveClock']> = async ({ body: { offset_seconds } }) => {
  if (!isMovable()) throw new Problem(403, 'the clock of this stage cannot be moved');
  const item = { ...CLOCK_KEY, offset_ms: offset_seconds * 1_000, offset_seconds };
  await commit({ writes: [clock.put(item)] });
  return { offset_seconds, movable: true };
};
