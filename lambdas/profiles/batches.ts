import { env } from '../kernel/env';
import { log } from '../kernel/log';
import { queueUrl, send } from '../kernel/queue';
import { type Counts, ingest, NOTHING, type SafeBatch } from './ingest';
import { protector } from './protect';
import { fetchBatch, SourceFailed } from './random-data-service';
import type { Resource } from './schema';
import { LARGEST_BYTES } from './shape';

/** What one batch came to; without an error it was stored. */
export interface BatchResult extends Counts {
  attempts: number;
  error: string | null;
  ms: number;
}

const bytesOf = (record: unknown): number => Buffer.byteLength(JSON.stringify(record));

/** Records in portions that a message can hold. Of one that is larger, only that is told. */
function portionsOf(records: unknown[]): unknown[][] {
  const portions: unknown[][] = [];
  let room = 0;
  for (const one of records) {
    const isTooLarge = bytesOf(one) > LARGEST_BYTES;
    const record = isTooLarge ? `a record of ${bytesOf(one)} bytes, too large to wait in a queue` : one;
    const bytes = bytesOf(record) + 1;
    if (bytes > room) {
      portions.push([]);
      room = LARGEST_BYTES;
    }
    portions.at(-1)?.push(record);
    room -= bytes;
  }
  return portions;
}

/**
 * Hands what could not be stored to the queue of `storeLater`: the source would give others the next time. One call each, for
 * SQS takes as much in one as in a message.
 */
async function storeLater({ resource, at, records }: SafeBatch): Promise<void> {
  for (const portion of portionsOf(records)) {
    await send(queueUrl('PROFILES_RECORDS'), [{ body: { resource, at, records: portion } satisfies SafeBatch }]);
  }
}

/** After storing, for what is to be told of the run. */
const RESERVE_MS = 5_000;

/**
 * Fetches and stores one batch. Never throws: whatever goes wrong is the result's error. What was fetched and could not be
 * stored, or not in time, waits in a queue of its own; when that refuses it too, it is lost, and the result says so.
 */
export async function workOnBatch(
  resource: Resource,
  remainingMs: () => number,
): Promise<{ result: BatchResult; lost: boolean }> {
  const started = performance.now();
  const counts = { ...NOTHING };
  let attempts = 0;
  let error: string | null = null;
  let lost = false;
  try {
    const protect = await protector();
    const { records, at } = await fetchBatch(resource, Number(env('BATCH_SIZE')), remainingMs, () => attempts++);
    counts.fetched = records.length;
    lost = true;
    const isLate = () => remainingMs() < RESERVE_MS;
    const left = await ingest({ resource, at, records: records.map(protect) }, counts, isLate);
    if (left.length) {
      await storeLater({ resource, at, records: left });
      error = `storing failed: ${left.length} of ${records.length} records wait in the queue`;
    } else if (!counts.stored) error = `none of ${counts.fetched} records has the right shape`;
    lost = false;
  } catch (thrown) {
    error = thrown instanceof SourceFailed ? thrown.message : `storing failed: ${(thrown as Error).name}`;
    if (!(thrown instanceof SourceFailed)) log('error', 'a batch was not stored', { resource, lost, error: thrown });
  }
  return { result: { ...counts, attempts, error, ms: Math.round(performance.now() - started) }, lost };
}
