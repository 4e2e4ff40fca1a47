import { BatchWriteCommand, DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { closeHours } from '../../lambdas/receipts/closing';
import { calls, setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { ProcessEnded } from '../support/processes';
import { intercept, restore, throttled } from './intercept';
import { booksOf, deliver, expectModel, Model, newShard, type Sent, shardOf, some, wipe } from './shop';

let p: Platform;
let analyst: Caller;
let operator: Caller;
beforeAll(async () => {
  p = await platform('receipts');
  analyst = await p.callers.user('analyst');
  operator = await p.callers.user('operator');
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(() => {
  setFault(undefined);
  restore();
});

const get = (path: string, caller = analyst) => p.api('GET', path, {}, caller);
const close = () => p.run('Receipts/Close', {});
/** As the function does that has so many milliseconds left. */
const closeWithin = (remainingMs: () => number) => {
  Object.assign(process.env, p.named('Receipts/Close').environment);
  return closeHours(remainingMs);
};
const tableName = () => p.named('Receipts/Api').environment['TABLE_NAME'];
const runs = async () => (await get('/api/analytics/runs/')).body.results;

test('writes taxes and tips of each hour, brings days up to date, and does nothing the second time', async () => {
  const all = some(6).map((one, n) => ({
    ...one,
    timestamp: `2026-01-31T1${n % 3}:00:00.000Z`,
    place_id: `place-${n % 2}`,
  }));
  const model = new Model();
  for (const one of all) model.take(one);
  await deliver(p, newShard(), shardOf(all));
  await Promise.all([close(), close()]);
  await close();
  const hours = (await runs()).flatMap(({ hours }: { hours: string[] }) => hours);
  expect(hours.sort()).toEqual([10, 11, 12].map((hour) => `2026-01-31T${hour}:00:00.000Z`));
  expect((await booksOf(p)).hours[0]).toMatchObject({
    hour: '2026-01-31T12:00:00.000Z',
    purchases: 2,
    total_nds: '13.34',
    total_tips: '6.10',
    differences: [],
  });
  // closed days are read from one item each: the calls of an answer do not grow with hours
  await expectModel(p, model);
  setFault(() => undefined);
  await get('/api/analytics/place-0/');
  expect(calls.filter(({ command }) => command.startsWith('Query'))).toHaveLength(2);
  setFault(undefined);
  // late ones count in their own hour at once, and open it again
  const late = { ...all[0], transaction_id: 'late' } as Sent;
  model.take(late);
  await deliver(p, newShard(), shardOf([late]));
  await expectModel(p, model);
  await close();
  expect((await runs())[0]).toMatchObject({ status: 'done', hours: ['2026-01-31T10:00:00.000Z'], differences: 0 });
  await expectModel(p, model);
});

test('finds totals that are wrong, repairs them from the receipts and reports them with their ids', async () => {
  const all = some(4);
  const model = new Model();
  for (const one of all) model.take(one);
  const shard = newShard();
  await deliver(p, shard, shardOf(all));
  const wrong = {
    TableName: tableName(),
    UpdateExpression: 'ADD amount :one',
    ExpressionAttributeValues: { ':one': 1 },
  };
  for (let part = 0; part < 4; part++) {
    const Key = { pk: 'TOTALS#place-1', sk: `HOUR#2026-01-31T12#${part}` };
    await documents.send(new UpdateCommand({ ...wrong, Key }));
  }
  await close();
  const [run] = await runs();
  expect(run).toMatchObject({ status: 'done', receipts: 4, differences: 1, missing: 0 });
  expect(run.found).toMatchObject([
    { place_id: 'place-1', counted: { total_amount: '160.04' }, recomputed: { total_amount: '160.00' } },
  ]);
  expect(run.found[0].transaction_ids.sort()).toEqual(all.map(({ transaction_id }) => transaction_id));
  await expectModel(p, model);
  expect((await booksOf(p)).balanced).toBe(false);
});

test('names a receipt that is in the journal but not stored; leaves what is stored but not counted yet', async () => {
  const [gone, kept, next] = some(3) as [Sent, Sent, Sent];
  const shard = newShard();
  const records = shardOf([gone, kept, next]);
  await deliver(p, shard, records.slice(0, 2));
  const Key = { pk: `RECEIPT#${gone.transaction_id}`, sk: 'RECEIPT' };
  await documents.send(new DeleteCommand({ TableName: tableName(), Key }));
  // the next batch ends when its receipts are stored and before its totals are
  setFault(({ command }) => (/TransactWrite/.test(command) ? 'before' : undefined));
  await expect(deliver(p, shard, records.slice(2))).rejects.toThrow(ProcessEnded);
  setFault(undefined);
  await close();
  expect((await runs())[0]).toMatchObject({ receipts: 1, missing: 1 });
  expect((await booksOf(p)).hours[0].missing).toEqual([gone.transaction_id]);
  await deliver(p, shard, records.slice(2));
  const model = new Model();
  for (const one of [kept, next]) model.take(one);
  await expectModel(p, model);
});

test('ended at any call: the next run ends the work', async () => {
  const all = some(4).map((one, n) => ({ ...one, timestamp: `2026-01-31T1${n % 2}:00:00.000Z` }));
  const model = new Model();
  for (const one of all) model.take(one);
  await deliver(p, newShard(), shardOf(all));
  setFault(() => undefined);
  await close();
  const count = calls.length;
  for (let at = 1; at <= count; at += 2) {
    await wipe(p);
    await deliver(p, newShard(), shardOf(all));
    setFault(({ number }) => (number === at ? (at % 4 === 1 ? 'after' : 'before') : undefined));
    await close().catch(() => undefined);
    setFault(undefined);
    await expectModel(p, model);
  }
});

test('an hour that cannot be closed is left with its reason, and holds up no other', async () => {
  const hours = ['2026-01-31T10', '2026-01-31T11', '2026-01-31T12'];
  const all = some(3).map((one, n) => ({ ...one, timestamp: `${hours[n]}:00:00.000Z` }));
  for (const one of all) await deliver(p, newShard(), shardOf([one]));
  let reads = 0;
  intercept('s3', 'GetObjectCommand', (_, read) => {
    if (++reads === 1) return Promise.reject(Object.assign(new Error('gone'), { name: 'NoSuchKey' }));
    return read();
  });
  await expect(close()).rejects.toThrow(/gone/);
  const [first, ...others] = hours.map((hour) => `${hour}:00:00.000Z`).reverse();
  expect((await runs())[0]).toMatchObject({
    ...{ status: 'failed', hours: others, hours_closed: 2, left: [first], hours_left: 1 },
    error: expect.stringMatching(/^2026-01-31T12:00:00.000Z: .*gone/),
  });
  restore();
  await close();
  expect((await runs())[0]).toMatchObject({ status: 'done', hours: [first], error: null });
});

test('an hour with more receipts than there is time for is given up half-way, and the others are closed', async () => {
  for (const body of some(20, { timestamp: '2026-01-31T10:00:00.000Z' })) {
    await p.api('POST', '/api/add_checks/', { body }, operator);
  }
  await deliver(p, newShard(), shardOf(some(1)));
  const real = Date.now;
  let passed = 0;
  jest.spyOn(Date, 'now').mockImplementation(() => real() + passed);
  intercept('s3', 'GetObjectCommand', ({ Key }, read) => {
    if (/door/.test(Key)) passed += 10_000;
    return read();
  });
  try {
    await closeWithin(() => 60_000).catch(() => undefined);
  } finally {
    jest.restoreAllMocks();
  }
  expect((await runs())[0]).toMatchObject({
    ...{ status: 'failed', hours_closed: 1, hours_left: 1, left: ['2026-01-31T10:00:00.000Z'] },
    error: expect.stringContaining('more receipts than a run has time for'),
  });
});

test('of very many hours a run takes the newest first, and keeps the first names and their number', async () => {
  const Items = Array.from({ length: 1_050 }, (_, n) => ({
    ...{ pk: 'CHANGED', sk: `${new Date(Date.UTC(2020, 0, 1, n)).toISOString().slice(0, 13)}#none`, token: 'x' },
  }));
  for (let start = 0; start < Items.length; start += 25) {
    const requests = Items.slice(start, start + 25).map((Item) => ({ PutRequest: { Item } }));
    await documents.send(new BatchWriteCommand({ RequestItems: { [tableName() ?? '']: requests } }));
  }
  await closeWithin(() => 0);
  const [run] = await runs();
  expect([run.hours_left, run.left.length, run.left[0]]).toEqual([1_050, 1_000, '2020-02-13T17:00:00.000Z']);
});

test('a run whose function did not live to end it is shown as failed', async () => {
  const { body } = await p.api('POST', '/api/analytics/runs/', { body: {} }, operator);
  const started_at = new Date(Date.now() - 7 * 60_000).toISOString();
  const Item = { pk: 'RUNS', sk: body.id, ...body, status: 'running', started_at };
  await documents.send(new PutCommand({ TableName: tableName(), Item }));
  expect((await runs())[0]).toMatchObject({ status: 'failed', error: 'its function did not live to end it' });
});

/** Writes something wrong into a place's totals of the hour of `some`. */
async function spoil(place: string): Promise<void> {
  const UpdateExpression = 'ADD amount :one';
  const Key = { pk: `TOTALS#${place}`, sk: 'HOUR#2026-01-31T12#0' };
  const ExpressionAttributeValues = { ':one': 1 };
  await documents.send(new UpdateCommand({ TableName: tableName(), Key, UpdateExpression, ExpressionAttributeValues }));
}

test('what a shard counts for the first time in an hour, in the midst of its repair, stays; each difference is reported', async () => {
  const places = ['place-1', 'place-2', 'place-3'];
  const [first, late] = [some(6), some(12)].map((all) =>
    all.map((one, n) => ({ ...one, place_id: places[n % 3] ?? '' })),
  ) as [Sent[], Sent[]];
  const model = new Model();
  for (const one of [...first, ...late]) model.take(one);
  await deliver(p, newShard(), shardOf(first));
  for (const place of places) await spoil(place);
  let repairs = 0;
  intercept('documents', 'TransactWriteItemsCommand', async ({ TransactItems }, write) => {
    const isRepair = TransactItems.some(({ Put }: { Put?: { Item: Sent } }) => /HOUR/.test(JSON.stringify(Put?.Item)));
    // before each of the first repairs another shard counts receipts of all the places
    if (isRepair && ++repairs <= 3) {
      await deliver(p, newShard(), shardOf(late.slice((repairs - 1) * 4, repairs * 4), repairs * 1_000));
    }
    return write();
  });
  for (let run = 0; run < 3; run++) await close();
  restore();
  expect(repairs).toBeGreaterThanOrEqual(3);
  await expectModel(p, model);
  const found = (await runs()).flatMap(({ found }: { found: { place_id: string }[] }) => found);
  expect(found.map(({ place_id }: { place_id: string }) => place_id).sort()).toEqual(places);
});

test('a total of a place without receipts in the hour goes, and what very many categories left behind with it', async () => {
  const lines = (from: number) =>
    Array.from({ length: 100 }, (_, n) => ({ product_id: 'p', quantity: 1, price: '0.07', category: `c${from + n}` }));
  const all = some(4).map((one, n) => ({ ...one, items: lines(n * 100) }));
  const model = new Model();
  for (const one of all) model.take(one);
  const shard = newShard();
  await deliver(p, shard, shardOf(all));
  await close();
  await expectModel(p, model);
  for (const place of ['place-9', '']) await spoil(place);
  const Item = { pk: 'PLACE#place-9', sk: 'PLACE', place_id: 'place-9', place_name: 'Nowhere', named_at: '' };
  const index = { gsi1pk: 'PLACES#0', gsi1sk: 'place-9' };
  await documents.send(new PutCommand({ TableName: tableName(), Item: { ...Item, ...index } }));
  for (const { transaction_id } of all.slice(1)) {
    const Key = { pk: `RECEIPT#${transaction_id}`, sk: 'RECEIPT' };
    await documents.send(new DeleteCommand({ TableName: tableName(), Key }));
    model.counted.delete(transaction_id);
  }
  const [one] = some(1) as [Sent];
  model.take(one);
  await deliver(p, newShard(), shardOf([one]));
  await close();
  expect((await runs())[0]).toMatchObject({ status: 'done', differences: 3, missing: 3 });
  for (const interval of ['day', 'hour'] as const) {
    const { body } = await get(`/api/analytics/?interval=${interval}`);
    expect(body.total).toEqual(model.analytics(interval));
    expect(body.results[0]).toMatchObject(model.analytics(interval, 'place-1'));
    expect(body.results[1]).toMatchObject({ place_id: 'place-9', total_purchases: 0, intervals: [] });
  }
});

test('an hour of more places than a transaction holds is closed whole', async () => {
  const all = some(120).map((one, n) => ({ ...one, place_id: `place-${n}` }));
  const model = new Model();
  for (const one of all) model.take(one);
  await deliver(p, newShard(), shardOf(all));
  await close();
  expect((await runs())[0]).toMatchObject({ status: 'done', receipts: 120, differences: 0, left: [] });
  await expectModel(p, model);
});

test('a closing that fails says so and why, and the next one does its work', async () => {
  const all = some(2);
  const model = new Model();
  for (const one of all) model.take(one);
  await deliver(p, newShard(), shardOf(all));
  intercept('s3', 'GetObjectCommand', () => Promise.reject(Object.assign(new Error('away'), { name: 'AccessDenied' })));
  await expect(close()).rejects.toThrow('away');
  restore();
  expect((await runs())[0]).toMatchObject({ status: 'failed', error: expect.stringContaining('away'), hours: [] });
  await close();
  expect((await runs())[0]).toMatchObject({ status: 'done', hours: ['2026-01-31T12:00:00.000Z'] });
  await expectModel(p, model);
});

test('a scheduled closing waits for one that is under way while there is time', async () => {
  await deliver(p, newShard(), shardOf(some(1)));
  const until = new Date(Date.now() + 200).toISOString();
  const Item = { pk: 'CLOSING', sk: 'LOCK', owner: 'another', until };
  await documents.send(new PutCommand({ TableName: tableName(), Item }));
  await close();
  expect((await runs())[0]).toMatchObject({ status: 'done', hours: ['2026-01-31T12:00:00.000Z'] });
});

test('an hour for which no time is left, or that kept changing, is left to the next run', async () => {
  const shard = newShard();
  const records = shardOf(some(30));
  await deliver(p, shard, records.slice(0, 1));
  let changes = 1;
  intercept('s3', 'GetObjectCommand', async (_, read) => {
    await deliver(p, shard, records.slice(0, ++changes));
    return read();
  });
  await close();
  restore();
  const hour = '2026-01-31T12:00:00.000Z';
  expect((await runs())[0]).toMatchObject({ status: 'done', hours: [], left: [hour] });
  await closeWithin(() => 5_000);
  expect((await runs())[0]).toMatchObject({ status: 'done', hours: [], left: [hour] });
  await close();
  expect((await runs())[0]).toMatchObject({ status: 'done', hours: [hour], left: [], receipts: changes });
});

describe('asked for', () => {
  const ask = (body: unknown = {}, caller = operator, headers = {}) =>
    p.api('POST', '/api/analytics/runs/', { body, headers }, caller);
  const event = (body: unknown, receives = 1) => ({
    Records: [
      {
        messageId: 'm',
        receiptHandle: 'r',
        body: JSON.stringify(body),
        attributes: { ApproximateReceiveCount: String(receives), SentTimestamp: String(Date.now()) },
      },
    ],
  });
  const work = (body: unknown, receives?: number) =>
    p.run<{ batchItemFailures: unknown[] }>('Receipts/CloseAsked/Function', event(body, receives));
  const ofRun = async (id: string) => (await runs()).find((run: { id: string }) => run.id === id);
  const done = (id: string) => p.settle(async () => (await ofRun(id)).finished_at !== null);

  test('an hour is closed again, changed or not, by operators alone; twice does nothing more', async () => {
    const all = some(3);
    const model = new Model();
    for (const one of all) model.take(one);
    await deliver(p, newShard(), shardOf(all));
    await close();
    for (const place of ['place-1', '']) await spoil(place);
    const body = { hour: '2026-01-31T12:34:56+00:00' };
    expect((await p.api('POST', '/api/analytics/runs/', { body })).status).toBe(401);
    expect((await ask(body, analyst)).status).toBe(403);
    const answer = await ask(body, operator, { 'idempotency-key': 'k' });
    expect(answer).toMatchObject({ status: 202, body: { status: 'queued', trigger: 'request', finished_at: null } });
    expect((await ask(body, operator, { 'idempotency-key': 'k' })).body).toEqual(answer.body);
    await done(answer.body.id);
    const hours = ['2026-01-31T12:00:00.000Z'];
    expect(await ofRun(answer.body.id)).toMatchObject({ status: 'done', hours, receipts: 3, differences: 2 });
    expect(await runs()).toHaveLength(2);
    await expectModel(p, model);
    // the message once more, and the same asked anew
    expect(await work({ run: answer.body.id, hour: '2026-01-31T12' })).toEqual({ batchItemFailures: [] });
    const again = await ask(body);
    await done(again.body.id);
    expect(await ofRun(again.body.id)).toMatchObject({ status: 'done', hours, differences: 0 });
    await expectModel(p, model);
  });

  test('without an hour, all past ones that changed; an hour to come is refused', async () => {
    const hours = ['2026-01-31T12', '2026-02-01T00'];
    const all = some(4).map((one, n) => ({ ...one, timestamp: `${hours[n % 2]}:10:00.000Z` }));
    await deliver(p, newShard(), shardOf(all));
    const { body } = await ask();
    await done(body.id);
    expect(await ofRun(body.id)).toMatchObject({
      status: 'done',
      hours: hours.reverse().map((hour) => `${hour}:00:00.000Z`),
    });
    const refused = await ask({ hour: new Date(Date.now() + 2 * 3_600_000).toISOString() });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: 'hour' }] } });
  });

  test('while another is under way: later; in the end the run says that it failed and why', async () => {
    const { body } = await ask();
    const until = new Date(Date.now() + 60_000).toISOString();
    const Item = { pk: 'CLOSING', sk: 'LOCK', owner: 'another', until };
    await documents.send(new PutCommand({ TableName: tableName(), Item }));
    expect((await work({ run: body.id })).batchItemFailures).toHaveLength(1);
    expect(await ofRun(body.id)).toMatchObject({ status: 'queued' });
    await closeWithin(() => 5_000);
    expect(await runs()).toHaveLength(1);
    expect((await work({ run: body.id }, 5)).batchItemFailures).toHaveLength(0);
    expect(await ofRun(body.id)).toMatchObject({ status: 'failed', error: 'other closings were under way' });
  });

  test('a failure is noted and not tried again; trouble before it began is tried again', async () => {
    await deliver(p, newShard(), shardOf(some(1)));
    const { body } = await ask();
    intercept('documents', 'UpdateItemCommand', () => Promise.reject(throttled()));
    expect((await work({ run: body.id })).batchItemFailures).toHaveLength(1);
    restore();
    intercept('s3', 'GetObjectCommand', () =>
      Promise.reject(Object.assign(new Error('away'), { name: 'AccessDenied' })),
    );
    expect((await work({ run: body.id })).batchItemFailures).toHaveLength(0);
    restore();
    expect(await ofRun(body.id)).toMatchObject({ status: 'failed', error: expect.stringContaining('away') });
  });
});
