import { now, secondsAfter, timestamp } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import type { Handler } from '../kernel/http';
import { log } from '../kernel/log';
import { page } from '../kernel/page';
import { notFound } from '../kernel/problem';
import { workOnBatch } from './batches';
import type { ProfilesContract } from './contract';
import { ended, keyOf, newRun, partitionOf, putRun, RUNS, type RunStep, runs, StoredRun, stepLater } from './run-items';
import { Run } from './schema';

type Verbs = typeof ProfilesContract;

const FIRST_DELAY_SECONDS = 10;
const LONGEST_DELAY_SECONDS = 1_800;
/** Failures in a row after which a run of many batches has failed: a week and some hours. */
const FAILURES_MOST = 350;

const delayAfter = (failures: number): number =>
  failures ? Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.min(20, failures - 1)) : 0;

/** How a run ends with a step, if it does. A single batch that somebody asked for is theirs to repeat. */
function endOf({ batches, trigger }: StoredRun, failures: number, done: number): 'succeeded' | 'failed' | undefined {
  if (done === batches) return 'succeeded';
  const most = batches === 1 && trigger === 'request' ? 1 : FAILURES_MOST;
  return failures >= most ? 'failed' : undefined;
}

/**
 * One step of a run that was asked for: a batch, its counts and the message for the next step, in one transaction; later
 * when this one failed. The same step twice counts once.
 */
export async function takeStep({ run: id, step }: RunStep, remainingMs: () => number): Promise<void> {
  const run = await runs.find(StoredRun, keyOf(id));
  if (!run || run.step !== step || run.finished_at) return;
  const { resource } = run;
  const started = { state: 'running', started_at: run.started_at ?? timestamp() };
  await commitIf({ writes: [runs.update(keyOf(id), { set: started }, { exists: true, equals: { step } })] });
  const { ms, error, ...counts } = (await workOnBatch(resource, remainingMs)).result;
  const failures = error === null ? 0 : run.failures + 1;
  const done = run.batches_done + (error === null ? 1 : 0);
  const end = endOf(run, failures, done);
  const set = { step: step + 1, failures, batches_done: done, error, ...(end && ended(end)) };
  const next = stepLater({ run: id, step: step + 1 }, secondsAfter(now(), delayAfter(failures)));
  await commitIf({
    writes: [runs.update(keyOf(id), { set, add: { ...counts, duration_ms: ms } }, { exists: true, equals: { step } })],
    emit: end ? [] : [next],
  });
  log(error === null ? 'info' : 'warn', 'run step', { run: id, resource, step, ...counts, ms, reason: error });
}

export const startProfileRun: Handler<Verbs['startProfileRun']> = async ({ body, idempotency }) => {
  const run = newRun(body.resource, 'request', body.batches);
  const shown = Run.parse(run);
  await commit({
    writes: [putRun(run)],
    emit: [stepLater({ run: run.id, step: 0 })],
    idempotency: idempotency?.remember({ status: 202, body: shown, headers: {} }),
  });
  return shown;
};

export const listProfileRuns: Handler<Verbs['listProfileRuns']> = (call) => {
  const { resource } = call.query;
  const range = resource ? { index: 'gsi1' as const, partition: partitionOf(resource) } : { partition: RUNS };
  return page(runs, Run, call, range);
};

export const getProfileRun: Handler<Verbs['getProfileRun']> = async ({ params }) => {
  const run = await runs.find(Run, keyOf(params.id));
  if (!run) throw notFound('run');
  return run;
};
