import { now, secondsAfter } from '../kernel/clock';
import { commit } from '../kernel/commit';
import { log } from '../kernel/log';
import type { Write } from '../kernel/table';
import { workOnBatch } from './batches';
import { ended, keyOf, newRun, partitionOf, putRun, runs, StoredRun, stepLater } from './run-items';
import type { Resource } from './schema';

/** A run that its function did not live to end is failed by the next one of its schedule that gets an answer. */
const LOST_AFTER_SECONDS = 180;
const LOST = 'the function ended before the run did';

const PAGE = 20;
/** Runs of all kinds that are looked at: two days of a schedule of each minute. */
const MOST_PAGES = 150;
/** Batches that are fetched later at the most: 16 hours of a schedule of each minute. */
const MOST_OWED = 1_000;
/** Lost runs that one transaction ends. */
const MOST_LOST = 20;

const endLost = ({ id }: StoredRun): Write =>
  runs.update(keyOf(id), { set: { ...ended('failed'), error: LOST } }, { equals: { state: 'running' } });

/**
 * How many batches the schedule owes: one for each of its runs that got nothing from the source since the last one that did,
 * and for each whose function died, which are `lost`. One query as long as things go well.
 */
async function owedBatches(resource: Resource): Promise<{ owed: number; lost: StoredRun[] }> {
  const before = secondsAfter(now(), -LOST_AFTER_SECONDS);
  const lost: StoredRun[] = [];
  let unanswered = 0;
  let isSettled = false;
  let startKey: Record<string, unknown> | undefined;
  for (let pages = 0; pages < MOST_PAGES && !isSettled && unanswered < MOST_OWED; pages++) {
    const range = { index: 'gsi1', partition: partitionOf(resource), limit: PAGE, startKey } as const;
    const { items, lastKey } = await runs.query(StoredRun, range);
    for (const run of items.filter(({ trigger }) => trigger === 'schedule')) {
      // what was fetched is stored, set aside, waits to be stored, or is made up for by its own run
      isSettled ||= run.fetched > 0;
      if (!isSettled && run.state === 'failed') unanswered++;
      const isLost = run.state === 'running' && (run.started_at ?? '') <= before;
      if (isLost && lost.length < MOST_LOST) lost.push(run);
    }
    startKey = lastKey;
    if (!startKey) break;
  }
  return { owed: Math.min(unanswered + lost.length, MOST_OWED), lost };
}

/**
 * A schedule's run: one batch, recorded from its beginning. The first one that gets an answer after others did not starts a
 * run of its own that fetches as many batches as those did not get, and the one that it lost itself, so that a bad day costs
 * time and no data. Three writes besides those of the records.
 */
export async function runBySchedule(resource: Resource, remainingMs: () => number): Promise<void> {
  const run = newRun(resource, 'schedule', 1);
  const { owed, lost: dead } = await owedBatches(resource);
  await commit({ writes: [putRun(run)] });
  const { result, lost } = await workOnBatch(resource, remainingMs);
  const { ms, error, ...counts } = result;
  const good = error === null;
  const set = {
    ...counts,
    ...ended(good ? 'succeeded' : 'failed'),
    error,
    batches_done: good ? 1 : 0,
    duration_ms: ms,
  };
  const own = runs.update(keyOf(run.id), { set }, { exists: true });
  const batches = owed + (lost ? 1 : 0);
  const catchUp = counts.fetched && batches ? newRun(resource, 'catch_up', batches) : undefined;
  if (!catchUp) await commit({ writes: [own] });
  else {
    // in one: a run that is ended owes nothing any more
    await commit({
      writes: [own, putRun(catchUp), ...dead.map(endLost)],
      emit: [stepLater({ run: catchUp.id, step: 0 })],
    });
  }
  log(good ? 'info' : 'warn', 'run', { run: run.id, resource, ...counts, ms, reason: error, owed: batches });
}
