import * as z from 'zod';
import { TryLater } from '../kernel/batch';
import { now, timestamp } from '../kernel/clock';
import { commit } from '../kernel/commit';
import type { Handler } from '../kernel/http';
import { newId } from '../kernel/id';
import { log } from '../kernel/log';
import { type ListCall, page } from '../kernel/page';
import { invalid } from '../kernel/problem';
import { table, type Write } from '../kernel/table';
import { closeHour } from './close-hour';
import { giveLock, takeLock } from './closing-lock';
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
  left: [],
  receipts: 0,
  differences: 0,
  found: [],
  missing: 0,
  error: null,
});

async function changedHours(): Promise<string[]> {
  // up to the hour that is under way, not included
  const marks = await readMarks('0', hourOf(now().toISOString()));
  return [...new Set(marks.map(({ hour }) => hour))];
}

async function closeAll(run: ClosingRun, hours: string[], remainingMs: () => number): Promise<void> {
  for (const hour of hours) {
    const closing = remainingMs() > RESERVE_MS ? await closeHour(hour, run.id) : undefined;
    const start = `${hour}:00:00.000Z`;
    if (!closing) {
      run.left.push(start);
      continue;
    }
    run.hours.push(start);
    run.receipts += closing.receipts;
    run.differences += closing.differences.length;
    run.missing += closing.missing.length;
    run.found.push(...closing.differences.slice(0, FOUND_AT_MOST - run.found.length));
  }
}

/** Does a run under its lock and notes how it went. @returns false when another closing is under way */
async function carryOut(run: ClosingRun, remainingMs: () => number, hour?: string): Promise<boolean> {
  if (!(await takeLock(run.id))) return false;
  run.status = 'running';
  run.started_at = timestamp();
  await commit({ writes: [write(run)] });
  try {
    await closeAll(run, hour === undefined ? await changedHours() : [hour], remainingMs);
    run.status = 'done';
  } catch (error) {
    run.status = 'failed';
    run.error = String(error).slice(0, 500);
    throw error;
  } finally {
    run.finished_at = timestamp();
    await commit({ writes: [write(run)] });
    await giveLock(run.id);
    log('info', 'hours closed', { run: run.id, status: run.status, hours: run.hours.length, left: run.left.length });
  }
  return true;
}

/**
 * Closes all past hours that changed since they were closed last, and notes the run. Safe to run late, twice and at once:
 * the second does nothing.
 */
export async function closeHours(remainingMs: () => number): Promise<void> {
  const done = await carryOut(newRun('running', 'schedule'), remainingMs);
  if (!done) log('info', 'another closing is under way');
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

/** Runs of the closing, newest first. */
export const listClosings = (call: ListCall) => page(table(), ClosingRun, call, { partition: RUNS });
