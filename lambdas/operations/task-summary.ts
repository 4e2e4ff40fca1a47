import * as z from 'zod';
import { now } from '../kernel/clock';
import type { Handler } from '../kernel/http';
import type { Operations } from './contract';
import { percentile } from './histogram';
import { type Asker, read } from './own-api';
import { TASK_STATES, type TaskSummary } from './schema';
import { readCounts, type SpanCounts, sumOf } from './task-counts';

type State = (typeof TASK_STATES)[number];

/** Tasks that are not done, as the orders count them. */
const UNFINISHED = '/api/v1/consumer/counts/';
const Unfinished = z.object({ tasks: z.record(z.string(), z.int()), at_least: z.array(z.string()) });

const endedAs = ({ ended }: SpanCounts, wanted: string): number =>
  ended.reduce((sum, { state, count }) => (state === wanted ? sum + count : sum), 0);

function percentiles(bins: SpanCounts['runtime']) {
  const [p50, p95] = [percentile(bins, 0.5), percentile(bins, 0.95)];
  return p50 === undefined || p95 === undefined ? null : { p50, p95 };
}

/** How many tasks are in each state: success as counted when they ended, all others as they are now. */
export async function tasksByState(asker: Asker, all: SpanCounts) {
  const { tasks, at_least } = await read(asker, UNFINISHED, Unfinished);
  const counted = TASK_STATES.map((state) => [state, tasks[state] ?? 0] as const);
  const states = Object.fromEntries(counted) as Record<State, number>;
  return {
    states: { ...states, SUCCESS: endedAs(all, 'SUCCESS') },
    at_least: at_least.flatMap((name) => TASK_STATES.filter((state) => name === `tasks.${state}`)),
  };
}

const PERIODS = {
  hour: { span: 'minute', buckets: 60, seconds: 60 },
  day: { span: 'halfhour', buckets: 48, seconds: 1_800 },
} as const;

const shown = (start: string, counts: SpanCounts): TaskSummary['buckets'][number] => ({
  start,
  succeeded: endedAs(counts, 'SUCCESS'),
  failed: endedAs(counts, 'FAILURE'),
  revoked: endedAs(counts, 'REVOKED'),
  runtime_seconds: percentiles(counts.runtime),
});

/** Two queries, one call of the orders and one of SQS a lane. */
export const getTaskSummary: Handler<Operations['getTaskSummary']> = async (call) => {
  const { last } = call.query;
  const { span, buckets: number, seconds } = PERIODS[last];
  const step = seconds * 1_000;
  const end = Math.floor(now().getTime() / step) * step;
  const from = new Date(end - (number - 1) * step).toISOString();
  const [counted, all] = await Promise.all([readCounts(span, from), readCounts('all', 'all')]);
  const total = sumOf(counted);
  const sum = shown('', total);
  const byStart = new Map(counted.map((counts) => [counts.start, counts]));
  const starts = Array.from({ length: number }, (_, index) => new Date(Date.parse(from) + index * step).toISOString());
  return {
    last,
    bucket_seconds: seconds,
    ...(await tasksByState(call, sumOf(all))),
    succeeded: sum.succeeded,
    failed: sum.failed,
    revoked: sum.revoked,
    per_second: Number(((sum.succeeded + sum.failed + sum.revoked) / (number * seconds)).toPrecision(3)),
    runtime_seconds: percentiles(total.runtime),
    wait_seconds: percentiles(total.wait),
    buckets: starts.map((start) => shown(start, byStart.get(start) ?? sumOf([]))),
  };
};
