import { env } from '../kernel/env';
import { log } from '../kernel/log';
import { queueUrl, send } from '../kernel/queue';
import { type Counts, ingest, NOTHING, type SafeBatch } from './ingest';
import { protector } from './protect';
import { fetchBatch, SourceFailed } from './random-data-service';
import type { Resource } from './schema';

/** What one batch came to; without an error it was stored. */
export interface BatchResult extends Counts {
  attempts: number;
  error: string | null;
  ms: number;
}

/** SQS takes 256 KB. */
const MESSAGE_BYTES = 200_000;

/** Records in portions that a message can hold. */
function portionsOf(records: unknown[]): unknown[][] {
  const portions: unknown[][] = [];
  let room = 0;
  for (const record of records) {
    const bytes = Buffer.byteLength(JSON.stringify(record)) + 1;
    if (bytes > room) {
      portions.push([]);
      room = MESSAGE_BYTES;
    }
    portions.at(-1)?.push(record);
    room -= bytes;
  }
  return portions;
}

/** Hands what could not be stored to the queue of `storeLater`: the source would give others the next time. */
async function storeLater({ resource, at, records }: SafeBatch): Promise<void> {
  const messages = portionsOf(records).map((portion) => ({
    body: { resource, at, records: portion } satisfies SafeBatch,
  }));
  await send(queueUrl('PROFILES_RECORDS'), messages);
}

/**
 * Fetches and stores one batch. Never throws: whatever goes wrong is the result's error. What was fetched and could not be
 * stored waits in a queue of its own.
 */
export async function workOnBatch(resource: Resource, remainingMs: () => number): Promise<BatchResult> {
  const started = performance.now();
  const counts = { ...NOTHING };
  let attempts = 0;
  let error: string | null = null;
  try {
    const { records, at } = await fetchBatch(resource, Number(env('BATCH_SIZE')), remainingMs, () => attempts++);
    counts.fetched = records.length;
    const left = await ingest({ resource, at, records: records.map(await protector()) }, counts);
    if (left.length) {
      await storeLater({ resource, at, records: left });
      error = `storing failed: ${left.length} of ${records.length} records wait in the queue`;
    } else if (!counts.stored) error = `none of ${counts.fetched} records has the right shape`;
  } catch (thrown) {
    error = thrown instanceof SourceFailed ? thrown.message : `storing failed: ${(thrown as Error).name}`;
    if (!(thrown instanceof SourceFailed)) log('error', 'a batch was not stored', { resource, error: thrown });
  }
  return { ...counts, attempts, error, ms: Math.round(performance.now() - started) };
}
