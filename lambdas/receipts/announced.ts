import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { commit } from '../kernel/commit';
import { type Idempotency, Replay } from '../kernel/idempotency';
import { log } from '../kernel/log';
import { Problem } from '../kernel/problem';
import { table, type Write } from '../kernel/table';
import { isTooBig } from './commit-totals';

const ANNOUNCED = 'ANNOUNCED';
/** As many as are hardly ever written at once by two of some hundred calls a second. */
const COUNTERS = 64;

/** The write that enters receipts of which somebody is told that they went into the stream. */
export const announcement = (receipts: number): Write =>
  table().update({ pk: ANNOUNCED, sk: String(randomInt(COUNTERS)) }, { add: { announced: receipts } });

/** The `Idempotency-Key` has another answer than the one to remember: its first, or that it was used with another body. */
const isAnswered = (error: unknown): boolean =>
  error instanceof Replay || (error instanceof Problem && error.status === 422);

/**
 * Enters what senders were told of receipts that went into the stream, with the answer to remember unless that is larger
 * than an item. A failure here costs no receipt: it shows as stored but not announced.
 * @throws Replay and Problem 422 when a call at the same time was first with the `Idempotency-Key`
 */
export async function announce(receipts: number, idempotency?: Idempotency): Promise<void> {
  try {
    await commit({ writes: [announcement(receipts)], idempotency });
  } catch (error) {
    // nothing was entered then, and these went into the stream all the same
    if (idempotency && (isAnswered(error) || isTooBig(error))) await announce(receipts);
    else log('error', 'not entered as announced', { receipts, error });
    if (isAnswered(error)) throw error;
  }
}

/** How many receipts were told to their senders to be accepted. */
export async function readAnnounced(): Promise<number> {
  const schema = z.object({ announced: z.number() });
  const { items } = await table().query(schema, { partition: ANNOUNCED, consistent: true });
  return items.reduce((sum, { announced }) => sum + announced, 0);
}
