import { createHash } from 'node:crypto';
import { timestamp } from '../kernel/clock';
import { ConditionFailed, commitIf } from '../kernel/commit';
import { Reply } from '../kernel/http';
import { newId } from '../kernel/id';
import type { Idempotency } from '../kernel/idempotency';
import { conflict, Problem } from '../kernel/problem';
import { announce } from './announced';
import { commitTotals } from './commit-totals';
import { appendOne } from './journal';
import { enterCounted } from './lanes';
import { rememberPlaces } from './places';
import { findReceipt, hashOf, type Incoming, putReceipt, shown } from './receipts';
import type { Checked, NewReceipt, Refused } from './schema';
import { putRecords } from './stream';
import { ALL_PLACES, addToHour, hourOf, markChanged, sumsOf } from './totals';

const RETRY_AFTER_SECONDS = 2;

interface Answered {
  accepted: number;
  refused: Refused[];
}

/**
 * Stores receipts in the stream. The partition key is the transaction: a hot shop spreads over all shards, and repeats of
 * one receipt stay in one.
 * @throws Problem 503 that names the receipts that were not taken; the others were
 */
export async function accept({ receipts, refused }: Checked, idempotency?: Idempotency): Promise<Answered> {
  await idempotency?.replayIfAnswered();
  const answer = { accepted: receipts.length, refused };
  const outcome = await putRecords(
    receipts.map((receipt) => ({ key: receipt.transaction_id, data: JSON.stringify(receipt) })),
  );
  if (!outcome.refused.length) {
    await announce(receipts.length, idempotency?.remember({ status: 202, body: answer, headers: {} }));
    return answer;
  }
  if (outcome.taken.length) await announce(outcome.taken.length);
  const notTaken = outcome.refused.map((index) => receipts[index]?.transaction_id ?? '');
  throw new Problem(503, `the stream is full: ${notTaken.length} of ${receipts.length} receipts were not taken`, {
    kind: 'busy',
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
    errors: notTaken.map((transactionId) => ({
      path: transactionId,
      message: 'was not taken: send this receipt again',
    })),
  });
}

const LANES = 4;
const laneOf = (transactionId: string): string =>
  `door-${createHash('md5').update(transactionId).digest().readUInt8() % LANES}`;

/** Whether a lane is one of receipts that came by no shard. */
export const isDoor = (lane: string): boolean => lane.startsWith('door-');

/**
 * Journals, stores and counts one receipt at once: the receipt, its totals and its entry in the books are one
 * transaction, so here there is nothing to be counted again. @returns false when it was there already
 * @throws Problem 409 for the same transaction_id with other content
 */
async function recordNew(receipt: NewReceipt, idempotency?: Idempotency): Promise<boolean> {
  const { transaction_id, place_id } = receipt;
  const hash = hashOf(receipt);
  const stored = await findReceipt(transaction_id);
  if (!stored) {
    const lane = laneOf(transaction_id);
    // the same name for every try of the same receipt
    const incoming: Incoming = { receipt, hash, lane, sequence: `${transaction_id}~${hash}`, arrived_at: timestamp() };
    const { sequence, arrived_at } = incoming;
    const entry = { sequence, arrived_at, data: JSON.stringify(receipt), timestamp: receipt.timestamp };
    const [arrival] = await Promise.all([appendOne(lane, sequence, entry), rememberPlaces([receipt])]);
    const hour = hourOf(receipt.timestamp);
    try {
      await commitTotals(lane, (part) => ({
        writes: [
          putReceipt(incoming),
          enterCounted(lane),
          arrival,
          markChanged(hour, lane, newId()),
          ...[place_id, ALL_PLACES].flatMap((place) => addToHour(place, hour, part, sumsOf(receipt))),
        ],
        idempotency: idempotency?.remember({ status: 201, body: shown(receipt), headers: {} }),
      }));
      return true;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }
  const first = stored ?? (await findReceipt(transaction_id));
  if (first?.hash !== hash) throw conflict(`another receipt has the transaction_id ${transaction_id}`, 'other-content');
  if (idempotency) {
    await idempotency.replayIfAnswered();
    const remembered = idempotency.remember({ status: 200, body: shown(receipt), headers: {} });
    if (!(await commitIf({ writes: [remembered.write()] }))) await remembered.replay();
  }
  return false;
}

/** Takes one receipt at once: 201 when it is new, 200 when it is there already. @throws Problem 409, see above */
export async function record({ body, idempotency }: { body: NewReceipt; idempotency: Idempotency | undefined }) {
  const isNew = await recordNew(body, idempotency);
  return new Reply(shown(body), { status: isNew ? 201 : 200 });
}
