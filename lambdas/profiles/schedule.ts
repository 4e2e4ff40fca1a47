import { now, secondsAfter } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import { log } from '../kernel/log';
import { workOnBatch } from './batches';
import { ended, keyOf, newRun, partitionOf, putRun, runs, StoredRun, stepLater } from './run-items';
import type { Resource } from './schema';

/** A run that its function did not live to end is failed by the next one of its schedule. */
const LOST_AFTER_SECONDS = 180;
const LOST = 'the function ended before the run did';

const PAGE = 20;
/** Batches that are fetched later at the most: 16 hours of a schedule of each minute. */
const MOST_OWED = 1_000;

async function endLost({ id }: StoredRun): Promise<void> {
  const set = { ...ended('failed'), error: LOST };
  await commitIf({ writes: [runs.update(keyOf(id), { set }, { equals: { state: 'running' } })] });
}

/**
 * How many batches the schedule owes: one for each of its runs since its last good one that got nothing from the source, or
 * whose function died. One query as long as things go well.
 */
async function owedBatches(resource: Resource): Promise<number> {
  const before = secondsAfter(now(), -LOST_AFTER_SECONDS);
  let owed = 0;
  let isSettled = false;
  let startKey: Record<string, unknown> | undefined;
  do {
    const range = { index: 'gsi1', partition: partitionOf(resource), limit: PAGE, startKey } as const;
    const { items, lastKey } = await runs.query(StoredRun, range);
    for (const run of items.filter(({ trigger }) => trigger === 'schedule')) {
      isSettled ||= run.state === 'succeeded';
      const isLost = run.state === 'running' && (run.started_at ?? '') <= before;
      if (isLost) await endLost(run);
      // what was fetched is stored, set aside or waits to be stored
      if (isLost || (!isSettled && run.state === 'failed' && !run.fetched)) owed++;
    }
    startKey = lastKey;
  } while (startKey && !isSettled && owed < MOST_OWED);
  return Math.min(owed, MOST_OWED);
}

/**
 * A schedule's run: one batch, recorded from its beginning. The first good one after bad ones starts a run of its own that
 * fetches as many batches as those did not get, so that a neighbour's bad day costs time and no data. Three writes besides
 * those of the records.
 */
export async function runBySchedule(resource: Resource, remainingMs: () => number): Promise<void> {
  const run = newRun(resource, 'schedule', 1);
  const owed = await owedBatches(resource);
  await commit({ writes: [putRun(run)] });
  const { ms, error, ...counts } = await workOnBatch(resource, remainingMs);
  const good = error === null;
  const set = {
    ...counts,
    ...ended(good ? 'succeeded' : 'failed'),
    error,
    batches_done: good ? 1 : 0,
    duration_ms: ms,
  };
  const catchUp = good && owed ? newRun(resource, 'catch_up', owed) : undefined;
  await commit({
    writes: [runs.update(keyOf(run.id), { set }, { exists: true }), ...(catchUp ? [putRun(catchUp)] : [])],
    emit: catchUp ? [stepLater({ run: catchUp.id, step: 0 })] : [],
  });
  log(good ? 'info' : 'warn', 'run', { run: run.id, resource, ...counts, ms, reason: error, owed });
}
