import * as z from 'zod';
import { CLOCK_KEY, now } from '../kernel/clock';
import { commit } from '../kernel/commit';
import { findEnv } from '../kernel/env';
import type { Handler } from '../kernel/http';
import { Problem } from '../kernel/problem';
import { table } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';
import type { Operations } from './contract';

/** What functions follow, within a second. Only the functions of a local stage have this table. */
const clock = table('CLOCK_TABLE');
const isMovable = (): boolean => findEnv('CLOCK_TABLE') !== undefined;

export const getClock: Handler<Operations['getClock']> = async () => ({
  offset_seconds: Math.round((now().getTime() - Date.now()) / 1_000),
  movable: isMovable(),
});

const Moved = z.object({ offset_ms: z.number() });

/**
 * Only where the stage gave the right: elsewhere there is no table to write to. A read and a transaction of two items; again
 * when somebody else moved it in between, unless `If-Match` was given.
 */
export const moveClock: Handler<Operations['moveClock']> = async ({ body: { offset_seconds }, requireMatch }) => {
  if (!isMovable()) throw new Problem(403, 'the clock of this stage cannot be moved');
  return untilWritten(async () => {
    const moved = await clock.find(Moved, CLOCK_KEY);
    requireMatch({ offset_seconds: Math.round((moved?.offset_ms ?? 0) / 1_000), movable: true });
    const item = { ...CLOCK_KEY, offset_ms: offset_seconds * 1_000, offset_seconds };
    await commit({ writes: [clock.put(item, { equals: { offset_ms: moved?.offset_ms } })] });
    return { offset_seconds, movable: true };
  });
};
