import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import { TryLater } from '../kernel/batch';
import { now, secondsAfter, timestamp } from '../kernel/clock';
import { commit } from '../kernel/commit';
import type { Handler } from '../kernel/http';
import { newId } from '../kernel/id';
import { log } from '../kernel/log';
import { type ListCall, page } from '../kernel/page';
import { invalid } from '../kernel/problem';
import { table, type Write } from '../kernel/table';
import { closeHour } from './close-hour';
import { giveLock, HELD_MS, takeLock } from './closing-lock';
import { ClosingRun } from './closing-schema';
import type { ReceiptsContract } from './contract';
import { hourOf, readMarks } from './totals';

type Operations = typeof ReceiptsContract;

const RUNS = 'RUNS';
const FOUND_AT_MOST = 20;

/** What closing one more hour may take. */
const RESERVE_MS = 20_000;
/** What a run that was asked for may take of its function's five minutes. */
const ASKED_MS = 290_000;

const write = (run: ClosingRun): Write => table().put({ pk: RUNS, sk: run.id, ...run });

const newRun = (status: ClosingRun['status'], trigger: ClosingRun['trigger']): ClosingRun => ({
  id: newId(),
  status,
  trigger,
  started_at: timestamp(),
  finished_at: null,
  hours: [],
  hours_closed: 0,
  left: [],
  hours_left: 0,
  receipts: 0,
  differences: 0,
  found: [],
  missing: 0,
  error: null,
});

/** Newest first: the past hour does not wait for what arrives late of very many others. */
async function changedHours(): Promise<string[]> {
  // up to the hour that is under way, not included
  const marks = await readMarks('0', hourOf(now().toISOString()));
  return [...new Set(marks.map(({ hour }) => hour))].reverse();
}

/** What is kept of the hours' names: an item takes 400 KB, and late receipts may be of very many hours. */
const HOURS_AT_MOST = 1_000;

function note(names: string[], start: string): void {
  if (names.length < HOURS_AT_MOST) names.push(start);
}

/** Closes one hour after the other; each may take half of the time that is left, and one that fails holds up no other. */
async function closeAll(run: ClosingRun, hours: string[], remainingMs: () => number): Promise<void> {
  for (const hour of hours) {
    const start = `${hour}:00:00.000Z`;
    const left = remainingMs();
    const closing =
      left > RESERVE_MS &&
      (await closeHour(hour, run.id, Date.now() + left / 2).catch((error: unknown) => {
        log('error', 'an hour was not closed', { run: run.id, hour, error });
        run.error ??= `${start}: ${String(error)}`.slice(0, 500);
        return undefined;
      }));
    if (!closing) {
      run.hours_left += 1;
      note(run.left, start);
      continue;
    }
    run.hours_closed += 1;
    note(run.hours, start);
    run.receipts += closing.receipts;
    run.differences += closing.differences.length;
    run.missing += closing.missing.length;
    run.found.push(...closing.differences.slice(0, FOUND_AT_MOST - run.found.length));
  }
}

/** Does a run under its lock and notes how it went. @returns false when another closing is under way */
async function carryOut(run: ClosingRun, remainingMs: () => number, hour?: string): Promise<boolean> {
  if (!(await takeLock(run.id))) return false;
  const close = async () => closeAll(run, hour === undefined ? await changedHours() : [hour], remainingMs);
  try {
    run.status = 'running';
    run.started_at = timestamp();
    await commit({ writes: [write(run)] });
    await close().catch((error: unknown) => {
      run.error = String(error).slice(0, 500);
    });
    run.status = run.error === null ? 'done' : 'failed';
    run.finished_at = timestamp();
    await commit({ writes: [write(run)] });
  } finally {
    await giveLock(run.id);
  }
  log('info', 'hours closed', { run: run.id, status: run.status, closed: run.hours_closed, left: run.hours_left });
  if (run.error !== null) throw new Error(run.error);
  return true;
}

/** How often the lock is asked for while another has it: soon at first. */
const FIRST_LOOK_MS = 100;
const LONGEST_LOOK_MS = 5_000;

/**
 * Closes all past hours that changed since they were closed last, and notes the run; waits for a closing that is under way
 * as long as there is time. Safe to run late, twice and at once: the second finds nothing to do.
 */
export async function closeHours(remainingMs: () => number): Promise<void> {
  const run = newRun('running', 'schedule');
  for (let wait = FIRST_LOOK_MS; !(await carryOut(run, remainingMs)); wait = Math.min(LONGEST_LOOK_MS, 2 * wait)) {
    if (remainingMs() < RESERVE_MS + wait) return log('info', 'another closing is under way');
    await pause(wait);
  }
}

/** The queue of closings that were asked for. */
const QUEUE = 'RECEIPTS_CLOSINGS';
export const AskedClosing = z.object({ run: z.uuid(), hour: z.string().optional() });

/** Longer than a scheduled closing takes, over the receives that a message has. */
const TRY_AGAIN_SECONDS = 90;

/**
 * Does a run that was asked for. The same message again does nothing when it was done, and all of it when its function
 * did not live to end it. A failure is the run's: it is noted there, and not tried again.
 */
export async function closeAsked({ run: id, hour }: z.output<typeof AskedClosing>, last: boolean): Promise<void> {
  const until = Date.now() + ASKED_MS;
  const run = await table().find(ClosingRun, { pk: RUNS, sk: id });
  if (!run || run.finished_at !== null) return;
  const done = await carryOut(run, () => until - Date.now(), hour).catch((error: unknown) => {
    if (run.status !== 'failed') throw error;
    log('error', 'a closing that was asked for failed', { run: id, error });
    return true;
  });
  if (done) return;
  if (!last) throw new TryLater('another closing is under way', TRY_AGAIN_SECONDS);
  const failed = { status: 'failed' as const, finished_at: timestamp(), error: 'other closings were under way' };
  await commit({ writes: [write({ ...run, ...failed })] });
}

/** Asks for a closing now: of one hour, changed or not, or of all past hours that changed. @throws Problem 422 for an hour to come */
export const startClosing: Handler<Operations['startClosing']> = async ({ body, idempotency }) => {
  const hour = body.hour && hourOf(body.hour);
  if (hour !== undefined && hour > hourOf(timestamp())) {
    throw invalid([{ path: 'hour', message: 'expected an hour that has begun' }]);
  }
  const run = newRun('queued', 'request');
  await commit({
    writes: [write(run)],
    emit: [{ queue: QUEUE, message: { run: run.id, ...(hour !== undefined && { hour }) } }],
    idempotency: idempotency?.remember({ status: 202, body: run, headers: {} }),
  });
  return run;
};

/** A run that says that it is running longer than its lock is held is one whose function did not live to end it. */
function asItIs(run: ClosingRun): ClosingRun {
  const isLost = run.status === 'running' && run.started_at < secondsAfter(now(), -HELD_MS / 1_000);
  return isLost ? { ...run, status: 'failed', error: 'its function did not live to end it' } : run;
}

/** Runs of the closing, newest first. */
export async function listClosings(call: ListCall) {
  const { results, next } = await page(table(), ClosingRun, call, { partition: RUNS });
  return { results: results.map(asItIs), next };
}
