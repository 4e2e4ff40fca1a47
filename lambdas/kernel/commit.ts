import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb';
import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { auditWrites } from './audit';
import { documents } from './documents';
import type { Idempotency } from './idempotency';
import { type Outgoing, outboxWrite } from './outbox';
import { busy } from './problem';
import { type Write, writeOne } from './table';

export interface Commit {
  writes: Write[];
  /** Sent after the commit, at least once, by the relay of the table's stream. */
  emit?: Outgoing[];
  /** The call's `Idempotency-Key` with the answer to repeat for it. */
  idempotency?: Idempotency | undefined;
}

/** Conditions did not hold: the places of such writes among those given, `index` the first. Nothing was written. */
export class ConditionFailed extends Error {
  override readonly name = 'ConditionFailed';
  readonly index: number;
  constructor(readonly indexes: readonly [number, ...number[]]) {
    super(`the condition of write ${indexes.join(', ')} did not hold`);
    this.index = indexes[0];
  }
}

/** What a transaction is cancelled for that passes: others write the same items, or the table has too much to do. */
const PASSING = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

const ATTEMPTS = 6;
const BASE_DELAY_MS = 15;

const pause = (attempt: number) =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * BASE_DELAY_MS * 2 ** attempt));

/** A write that adds to what is there, with no value in its condition that a repeat would miss: done twice, it adds twice. */
const accumulates = ({ Update }: Write): boolean =>
  /(^| )ADD |list_append\(/.test(Update?.UpdateExpression ?? '') && !/[=<]/.test(Update?.ConditionExpression ?? '');

/**
 * Writes all or nothing: the items, what is to be sent, and the answer to remember for the `Idempotency-Key`.
 * What somebody asked for by HTTP is written together with its entry in the audit trail.
 * A single write without those goes as a plain write (1 write unit per KB), unless it adds or appends whatever is there; all
 * else is a transaction (2 per KB).
 *
 * Safe under retries: the SDK repeats a lost transaction with the same client token (DynamoDB keeps it ten minutes), and
 * of a plain write a repeat makes the same item.
 *
 * @throws ConditionFailed when a condition did not hold
 * @throws Replay when this `Idempotency-Key` was answered before: carries that answer
 * @throws Problem 503 when others keep writing the same items, or the table stays throttled
 */
export async function commit({ writes, emit = [], idempotency }: Commit): Promise<void> {
  const all = [
    ...writes,
    ...(emit.length ? [outboxWrite(emit)] : []),
    ...(await auditWrites(writes)),
    ...(idempotency ? [idempotency.write()] : []),
  ];
  const [first] = all;
  const plain = all.length === 1 && first && !first.ConditionCheck && !accumulates(first) ? first : undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      if (plain) return await writeOne(plain);
      await documents.send(new TransactWriteCommand({ TransactItems: all, ClientRequestToken: randomUUID() }));
      return;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) throw new ConditionFailed([0]);
      if (error instanceof TransactionCanceledException) {
        const reasons = error.CancellationReasons ?? [];
        const failed = reasons.flatMap(({ Code }, index) => (Code === 'ConditionalCheckFailed' ? [index] : []));
        if (idempotency && failed.includes(all.length - 1)) await idempotency.replay();
        const [index, ...others] = failed;
        if (index !== undefined) throw new ConditionFailed([index, ...others]);
        if (!reasons.some(({ Code = '' }) => PASSING.has(Code))) throw error;
      } else if (!(error instanceof TransactionConflictException)) throw error;
      await pause(attempt);
    }
  }
  throw busy('too much is being written at once, try again');
}

/** As `commit`, for writes whose condition may well not hold. @returns whether it held */
export const commitIf = (parts: Commit): Promise<boolean> =>
  commit(parts).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ConditionFailed) return false;
      throw error;
    },
  );
