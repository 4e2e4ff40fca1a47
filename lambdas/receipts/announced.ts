import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { commit } from '../kernel/commit';
import { type Idempotency, Replay } from '../kernel/idempotency';
import { log } from '../kernel/log';
import { table, type Write } from '../kernel/table';

const ANNOUNCED = 'ANNOUNCED';
/** As many as are hardly ever written at once by two of some hundred calls a second. */
const COUNTERS = 64;

/** The write that enters receipts of which somebody is told that they went into the stream. */
export const announcement = (receipts: number): Write =>
  table().update({ pk: ANNOUNCED, sk: String(randomInt(COUNTERS)) }, { add: { announced: receipts } });

/**
 * Enters what senders were told of receipts that went into the stream. A failure here costs no receipt: it shows as stored
 * but not announced.
 */
export async function announce(receipts: number, idempotency?: Idempotency): Promise<void> {
  try {
    await commit({ writes: [announcement(receipts)], idempotency });
  } catch (error) {
    if (error instanceof Replay) {
      // a call at the same time was answered first, but these went into the stream as well
      await announce(receipts);
      throw error;
    }
    log('error', 'not entered as announced', { receipts, error });
  }
}

/** How many receipts were told to their senders to be accepted. */
export async function readAnnounced(): Promise<number> {
  const schema = z.object({ announced: z.number() });
  const { items } = await table().query(schema, { partition: ANNOUNCED, consistent: true });
  return items.reduce((sum, { announced }) => sum + announced, 0);
}
