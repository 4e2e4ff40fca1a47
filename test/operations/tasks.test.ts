import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ORDERS, queued } from '../orders/shop';
import { ORDER } from '../support/example-order';
import { calls, setFault } from '../support/faults';
import { proxyEvent } from '../support/gateway';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { ProcessEnded } from '../support/processes';
import { collect } from './desk';
import { readOpenMetrics } from './open-metrics';

let p: Platform;
let operator: Caller;
beforeAll(async () => {
  p = await platform('operations', 'orders', 'mailings', 'receipts');
  operator = await p.callers.user('operator');
});
afterAll(() => p.close());
afterEach(() => setFault(undefined));

const summary = async (query = '') => (await p.api('GET', `/api/ops/tasks/summary/${query}`, {}, operator)).body;

/** The end of a task that took so many seconds after it waited for one. */
function end(seconds: number, changes: object = {}) {
  const now = Date.now();
  const ago = (by: number) => new Date(now - by * 1_000).toISOString();
  return {
    task_id: randomUUID(),
    name: 'process_order',
    state: 'SUCCESS',
    created_at: ago(seconds + 1),
    started_at: ago(seconds),
    ended_at: ago(0),
    ...changes,
  };
}

const batch = (...bodies: unknown[]) => ({ Records: bodies.flatMap((body) => queued(body).Records) });
const tally = (...bodies: unknown[]) => p.run('Operations/Tally/Function', batch(...bodies));

test('percentiles are right to within a tenth; a day is told in half hours', async () => {
  const ends = Array.from({ length: 100 }, (_, index) => end((index + 1) / 10));
  for (let start = 0; start < ends.length; start += 10) await tally(...ends.slice(start, start + 10));
  await tally(end(0, { state: 'FAILURE' }), end(0, { state: 'REVOKED', started_at: null }));
  for (const [query, seconds] of [
    ['', 60],
    ['?last=day', 1_800],
  ] as const) {
    const { succeeded, failed, revoked, bucket_seconds, runtime_seconds, wait_seconds } = await summary(query);
    expect([succeeded, failed, revoked, bucket_seconds]).toEqual([100, 1, 1, seconds]);
    expect(runtime_seconds.p50).toBeGreaterThan(4.5);
    expect(runtime_seconds.p50).toBeLessThan(5.7);
    expect(runtime_seconds.p95).toBeGreaterThan(9);
    expect(runtime_seconds.p95).toBeLessThan(10.6);
    expect(wait_seconds.p50).toBeGreaterThan(0.9);
    expect(wait_seconds.p50).toBeLessThan(1.2);
  }
});

test('an order that is confirmed is a task that succeeded, counted within its minute', async () => {
  const before = await summary();
  const placed = await p.api('POST', ORDERS, { body: ORDER }, await p.callers.user(), 'orders');
  expect(placed.status).toBe(201);
  expect((await summary()).states.PENDING).toBe(before.states.PENDING + 1);
  await p.settle(async () => (await summary()).succeeded > before.succeeded);
  const { states, at_least, succeeded, buckets } = await summary();
  expect([states.SUCCESS, succeeded, at_least]).toEqual([before.states.SUCCESS + 1, before.succeeded + 1, []]);
  expect(states).toMatchObject({ PENDING: 0, STARTED: 0, RETRY: 0, FAILURE: 0, REVOKED: 0 });
  expect(buckets.at(-1)).toMatchObject({ start: expect.stringMatching(/:00\.000Z$/), failed: expect.any(Number) });
  // minutes in which nothing ended are there too
  const starts: number[] = buckets.map(({ start }: { start: string }) => Date.parse(start) / 60_000);
  expect(starts).toEqual(Array.from({ length: 60 }, (_, minute) => (starts[0] ?? 0) + minute));
});

test('however often an end is told, wherever the function dies, it is counted once', async () => {
  const before = await summary();
  const told = [end(1), end(2), end(3)];
  setFault(() => undefined);
  await tally(...told, told[0]);
  const number = calls.filter(({ entry }) => entry === 'operations/tally').length;
  expect(number).toBeGreaterThan(0);
  for (const when of ['before', 'after'] as const) {
    for (let call = 1; call <= number; call++) {
      told.push(end(call));
      setFault(({ entry, number: at }) => (entry === 'operations/tally' && at === call ? when : undefined));
      await tally(...told, ...told.slice(0, 2)).catch((error) => expect(error).toBeInstanceOf(ProcessEnded));
      setFault(undefined);
      await tally(...told);
    }
  }
  const { succeeded, states } = await summary();
  const expected = before.succeeded + told.length;
  expect([succeeded, states.SUCCESS]).toEqual([expected, expected]);
});

test('what is no event goes to the dead letters, and holds up none of the others', async () => {
  const before = await summary();
  await tally(end(1), 'nonsense', { task_id: 1 });
  await collect(p);
  const { body } = await p.api('GET', '/api/ops/dead-letters/?lane=Operations.Tally', {}, operator);
  expect(body.results.map(({ payload }: { payload: unknown }) => payload)).toEqual(
    expect.arrayContaining(['nonsense', { task_id: 1 }]),
  );
  expect((await summary()).succeeded).toBe(before.succeeded + 1);
});

describe('GET /metrics', () => {
  /** Values by name and labels, `mercato_tasks_total{state="SUCCESS",name="x"}`. */
  async function scrape(): Promise<Map<string, number>> {
    const scraper = await p.callers.apiKey({ scopes: ['metrics:read'] });
    const reply = await p.api('GET', '/metrics', {}, scraper);
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    const samples = readOpenMetrics(reply.body).flatMap((family) => family.samples);
    return new Map(
      samples.map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(' '), value] as const),
    );
  }

  test('is OpenMetrics for a key with the scope, of everything that is counted', async () => {
    const before = await scrape();
    const name = 'process_message';
    await tally(end(0.07, { name }), end(0.4, { name }), end(7, { state: 'FAILURE', name }));
    const after = await scrape();
    const grown = (sample: string) => (after.get(sample) ?? Number.NaN) - (before.get(sample) ?? 0);
    expect(grown('mercato_tasks_total SUCCESS process_message')).toBe(2);
    expect(grown('mercato_tasks_total FAILURE process_message')).toBe(1);
    expect(grown('mercato_task_runtime_seconds_bucket 0.1')).toBe(1);
    expect(grown('mercato_task_runtime_seconds_bucket 1.0')).toBe(2);
    expect(grown('mercato_task_runtime_seconds_bucket +Inf')).toBe(3);
    expect(grown('mercato_task_runtime_seconds_sum')).toBeCloseTo(7.47, 1);
    expect(after.get('mercato_queue_messages Orders.Work waiting')).toBe(0);
    expect(after.get('mercato_orders_unfinished pending')).toBe(0);
    expect(after.get('mercato_mailing_messages sent')).toBe(0);
    expect(after.get('mercato_receipts_total counted')).toBe(0);
    for (const source of ['tasks', 'lanes', 'orders', 'mailings', 'receipts']) {
      expect([source, after.get(`mercato_scrape_success ${source}`)]).toEqual([source, 1]);
    }
  });

  test('every family is explained in the documentation, and no other', async () => {
    await tally(end(1));
    const documented = readFileSync(join(__dirname, '../../docs/metrics.md'), 'utf8').matchAll(/^\| `(mercato_\w+)`/gm);
    const { body } = await p.api('GET', '/metrics', {}, operator);
    // dead letters and runs have no samples before the first
    const silent = ['mercato_dead_letters', 'mercato_schedule_last_run_timestamp_seconds'];
    const families = readOpenMetrics(body).map(({ name, type }) => (type === 'counter' ? `${name}_total` : name));
    expect([...new Set([...families, ...silent])].sort()).toEqual([...documented].map(([, name]) => name).sort());
  });

  test('a source that does not answer leaves its families out, and says so', async () => {
    const read = async (extra: Record<string, string>) => {
      const event = proxyEvent({ method: 'GET', path: '/metrics', headers: operator.headers });
      return readOpenMetrics((await p.run<{ body: string }>('Operations/Api', event, extra)).body);
    };
    const families = await read({ API_URL: 'http://127.0.0.1:9' });
    const names = families.map(({ name }) => name);
    expect(names).toContain('mercato_queue_messages');
    expect(names).not.toContain('mercato_receipts');
    const success = families.find(({ name }) => name === 'mercato_scrape_success')?.samples ?? [];
    expect(Object.fromEntries(success.map(({ labels, value }) => [labels['source'], value]))).toEqual({
      lanes: 1,
      mailings: 0,
      orders: 0,
      receipts: 0,
      tasks: 1,
    });
  });
});
