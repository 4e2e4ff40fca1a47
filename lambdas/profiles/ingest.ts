import * as z from 'zod';
import { log } from '../kernel/log';
import { inParallel } from '../kernel/parallel';
import { around, store } from './link';
import { findPeople } from './records';
import { Resource, type SourceRecord } from './schema';
import { setRecordAside } from './set-aside';
import { checkShape, reasonOf } from './shape';

/** Records that the source gave at a time, each protected before anything else saw it. */
export const SafeBatch = z.object({ resource: Resource, at: z.string(), records: z.array(z.unknown()) });
export type SafeBatch = z.output<typeof SafeBatch>;

/** What became of a batch's records: each that was fetched is stored, set aside or waits to be stored. */
export interface Counts {
  fetched: number;
  stored: number;
  created: number;
  linked: number;
  set_aside: number;
}
export const NOTHING: Counts = { fetched: 0, stored: 0, created: 0, linked: 0, set_aside: 0 };

const AT_ONCE = 10;

/**
 * Stores a batch: records of the right shape with their links, and sets the others aside. Safe to repeat. One that fails
 * does not hold up the rest, nor does a batch that is longer than was asked for: once `isLate`, no more is begun. Costs one call to read for each 33 users or 50 others, then `store` of each.
 * @param counts grows by what was done
 * @returns the records that could not be stored
 */
export async function ingest(
  { resource, at, records }: SafeBatch,
  counts: Counts,
  isLate: () => boolean = () => false,
): Promise<unknown[]> {
  // of records with the same uid the last one holds
  const wanted = new Map<string, { record: SourceRecord; times: number }>();
  const wrong: { record: unknown; reason: string }[] = [];
  for (const safe of records) {
    const { record, errors } = checkShape(resource, safe);
    if (record) wanted.set(record.uid, { record, times: (wanted.get(record.uid)?.times ?? 0) + 1 });
    else wrong.push({ record: safe, reason: reasonOf(errors) });
  }
  const left: unknown[] = [];
  const attempt = async (record: unknown, work: () => Promise<void>): Promise<void> => {
    if (isLate()) return void left.push(record);
    try {
      await work();
    } catch (error) {
      if (!left.length) log('error', 'a record was not stored', { resource, error });
      left.push(record);
    }
  };
  const people = await findPeople([...wanted.keys()], around(resource)).catch(() => undefined);
  await inParallel(AT_ONCE, [...wanted.values()], ({ record, times }) =>
    attempt(record, async () => {
      const { created, linked } = await store(resource, record, at, { seen: people?.get(record.uid) });
      counts.stored += times;
      counts.created += created ? 1 : 0;
      counts.linked += linked;
    }),
  );
  await inParallel(AT_ONCE, wrong, ({ record, reason }) =>
    attempt(record, async () => {
      await setRecordAside(resource, record, reason);
      counts.set_aside += 1;
    }),
  );
  return left;
}

/** Stores what could not be stored at its time; what fails again comes again, and ends among the dead letters. */
export async function storeWaiting(batch: SafeBatch): Promise<void> {
  const counts = { ...NOTHING };
  const left = await ingest(batch, counts);
  log('info', 'waiting records', { resource: batch.resource, ...counts, left: left.length });
  if (left.length) throw new Error(`${left.length} of ${batch.records.length} records could not be stored`);
}
