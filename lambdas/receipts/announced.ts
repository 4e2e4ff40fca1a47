import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { commit } from '../kernel/commit';
import { type Idempotency, Replay } from '../kernel/idempotency';
import { log } from '../kernel/log';
import { table } from '../kernel/table';

const ANNOUNCED = 'ANNOUNCED';
const COUNTERS = 8;

/**
 * Enters what senders were told of receipts that went into the stream. A failure here costs no receipt: it shows as stored
 * but not announced.
 */
export async function announce(receipts: number, idempotency?: Idempotency): Promise<void> {
  const key = { pk: ANNOUNCED, sk: String(randomInt(COUNTERS)) };
  try {
    await commit({ writes: [table().update(key, { add: { announced: receipts } })], idempotency });
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
