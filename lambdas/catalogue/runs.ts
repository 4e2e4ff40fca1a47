import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { expiry, now, timestamp } from '../kernel/clock';
import { commit } from '../kernel/commit';
import { documents } from '../kernel/documents';
import { env } from '../kernel/env';
import type { Handler } from '../kernel/http';
import { newId } from '../kernel/id';
import type { Idempotency } from '../kernel/idempotency';
import { page } from '../kernel/page';
import { notFound } from '../kernel/problem';
import { type Key, table } from '../kernel/table';
import type { Operations } from './contract';
import { cover } from './observation';
import { FAILURES, type Failure, type RefreshPage, RefreshRun, type RefreshSegment, Totals } from './schema';
import { SEGMENTS } from './watch';

const runs = table();
const RUNS = 'RUNS';
const KEPT_SECONDS = 30 * 24 * 3_600;
/** After this time a page of a run is not worked on any more: later runs have done its work. */
export const RUN_SECONDS = 120;

/** Counters of a segment, added to by each of its pages. */
const StoredSegment = z
  .object({
    pages: z.int().default(0),
    /** The numbers of the pages that were counted, so that none is counted twice. */
    done: z.set(z.number()).default(new Set()),
    /** Pages of which nothing could be read: the service did not answer. */
    down: z.int().default(0),
    products: z.int().default(0),
    refreshed: z.int().default(0),
    changed: z.int().default(0),
    ended_at: z.string().optional(),
  })
  .catchall(z.unknown());
type StoredSegment = z.output<typeof StoredSegment>;

const EndedSegment = Totals.extend({ ended_at: z.string() });
type EndedSegment = z.output<typeof EndedSegment>;

const StoredRun = z.object({
  id: z.string(),
  started_at: z.string(),
  /** The segments that have ended, by number. */
  segments: z.record(z.string(), EndedSegment).default({}),
});
type StoredRun = z.output<typeof StoredRun>;

const runKey = (id: string): Key => ({ pk: `RUN#${id}`, sk: 'RUN' });
const segmentKey = (id: string, segment: number): Key => ({ pk: `RUN#${id}`, sk: `SEGMENT#${segment}` });

/** Counters of failures are attributes of their own, so that they can be added to. */
const counterOf = (failure: Failure): string => `failed_${failure}`;

function totalsOf(segment: StoredSegment): Totals {
  const { products, refreshed, changed } = segment;
  const failures = Object.fromEntries(
    FAILURES.flatMap((failure) => {
      const count = Number(segment[counterOf(failure)] ?? 0);
      return count ? [[failure, count]] : [];
    }),
  );
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  return { products, refreshed, changed, failed, failures };
}

const NOTHING: Totals = { products: 0, refreshed: 0, changed: 0, failed: 0, failures: {} };

const sum = (all: Totals[]): Totals =>
  all.reduce(
    (total, { products, refreshed, changed, failed, failures }) => ({
      products: total.products + products,
      refreshed: total.refreshed + refreshed,
      changed: total.changed + changed,
      failed: total.failed + failed,
      failures: Object.fromEntries(
        FAILURES.flatMap((failure) => {
          const count = (total.failures[failure] ?? 0) + (failures[failure] ?? 0);
          return count ? [[failure, count]] : [];
        }),
      ),
    }),
    NOTHING,
  );

function shown({ id, started_at, segments }: StoredRun, running: Totals[] = []): RefreshRun {
  const ended = Object.values(segments);
  const isDone = ended.length === SEGMENTS.length;
  const isOver = now().getTime() - new Date(started_at).getTime() > RUN_SECONDS * 1_000;
  const ended_at = isDone ? ended.reduce((last, one) => (one.ended_at > last ? one.ended_at : last), started_at) : null;
  return {
    id,
    state: isDone ? 'done' : isOver ? 'incomplete' : 'running',
    started_at,
    ended_at,
    duration_seconds:
      ended_at === null ? null : (new Date(ended_at).getTime() - new Date(started_at).getTime()) / 1_000,
    ...sum([...ended, ...running]),
  };
}

/** Begins a run: stores it, and sends a message for each segment. One transaction. */
async function begin(idempotency?: Idempotency): Promise<RefreshRun> {
  const id = newId();
  const started_at = timestamp();
  const run = { id, started_at, segments: {} };
  const answer = RefreshRun.parse(shown(run));
  const item = { ...runKey(id), ...run, gsi1pk: RUNS, gsi1sk: id, expires_at: expiry(KEPT_SECONDS) };
  await commit({
    writes: [runs.put(item, { exists: false })],
    emit: SEGMENTS.map((_, segment) => ({
      queue: 'CATALOGUE_SEGMENTS',
      message: { run: id, started_at, segment } satisfies RefreshSegment,
    })),
    idempotency: idempotency?.remember({ status: 202, body: answer, headers: {} }),
  });
  return answer;
}

/** What the schedule does each minute. */
export const beginRun = (): Promise<RefreshRun> => begin();

export const startRun: Handler<Operations['startRun']> = ({ idempotency }) => begin(idempotency);

/** Notes that a segment has ended, when it first did. One write; the segment's coverage and its gaps besides, unless the service was down. */
export async function endSegment({ run, started_at, segment }: RefreshSegment, stored?: StoredSegment): Promise<void> {
  const ended: EndedSegment = { ...(stored ? totalsOf(stored) : NOTHING), ended_at: timestamp() };
  await documents.send(
    new UpdateCommand({
      TableName: env('TABLE_NAME'),
      Key: runKey(run),
      UpdateExpression: 'SET #segments.#segment = if_not_exists(#segments.#segment, :ended)',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeNames: { '#segments': 'segments', '#segment': String(segment) },
      ExpressionAttributeValues: { ':ended': ended },
    }),
  );
  if (!stored?.down) await cover(segment, started_at);
}

export interface PageResult {
  refreshed: number;
  changed: number;
  failures: Failure[];
  /** The service answered for none of them. */
  down: boolean;
}

/**
 * Adds a page to its segment, once however often it is told; ends the segment with its last page, again when that is told
 * again: who told it first may have died in between. One write, two at the end.
 */
export async function endPage(message: RefreshPage, { refreshed, changed, failures, down }: PageResult): Promise<void> {
  const { run, segment, page: number, pages, products } = message;
  const counts: Record<string, number> = { products: products.length, refreshed, changed, down: down ? 1 : 0 };
  for (const failure of failures) counts[counterOf(failure)] = (counts[counterOf(failure)] ?? 0) + 1;
  const names = Object.keys(counts);
  const command = new UpdateCommand({
    TableName: env('TABLE_NAME'),
    Key: segmentKey(run, segment),
    UpdateExpression: `SET #pages = :pages, #expires = :expires ADD #done :page, ${names.map((name) => `#${name} :${name}`).join(', ')}`,
    ConditionExpression: 'NOT contains(#done, :number)',
    ExpressionAttributeNames: {
      '#pages': 'pages',
      '#expires': 'expires_at',
      '#done': 'done',
      ...Object.fromEntries(names.map((name) => [`#${name}`, name])),
    },
    ExpressionAttributeValues: {
      ':pages': pages,
      ':expires': expiry(KEPT_SECONDS),
      ':page': new Set([number]),
      ':number': number,
      ...Object.fromEntries(names.map((name) => [`:${name}`, counts[name]])),
    },
    ReturnValues: 'ALL_NEW',
  });
  const stored = await documents.send(command).then(
    ({ Attributes }) => StoredSegment.parse(Attributes),
    (error: Error) => {
      if (error.name !== 'ConditionalCheckFailedException') throw error;
      return runs.find(StoredSegment, segmentKey(run, segment));
    },
  );
  if (stored && stored.done.size === stored.pages) await endSegment(message, stored);
}

/** One query of one partition, which gets one write a minute and segment. */
export const listRefreshes: Handler<Operations['listRefreshes']> = async (call) => {
  const { results, next } = await page(runs, StoredRun, call, { index: 'gsi1', partition: RUNS });
  return { results: results.map((run) => shown(run)), next };
};

/** One read; a query more while it runs, for what the pages that have ended add up to. */
export const getRun: Handler<Operations['getRun']> = async ({ params: { id } }) => {
  const run = await runs.find(StoredRun, runKey(id));
  if (!run) throw notFound('run');
  const { items } = await runs.query(StoredSegment.extend({ sk: z.string() }), {
    partition: runKey(id).pk,
    prefix: 'SEGMENT#',
    ascending: true,
  });
  const running = items.filter(({ sk }) => !run.segments[sk.replace('SEGMENT#', '')]).map(totalsOf);
  return shown(run, running);
};
