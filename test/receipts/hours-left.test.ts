import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { type Closings, openClosings } from './closings';
import { intercept, restore } from './intercept';
import { deliver, expectModel, Model, newShard, shardOf, some, wipe } from './shop';

let { p, operator, TableName, close, runs, closeWithin } = {} as Closings;
beforeAll(async () => {
  ({ p, operator, TableName, close, runs, closeWithin } = await openClosings());
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(restore);

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
    await documents.send(new BatchWriteCommand({ RequestItems: { [TableName ?? '']: requests } }));
  }
  await closeWithin(() => 0);
  const [run] = await runs();
  expect([run.hours_left, run.left.length, run.left[0]]).toEqual([1_050, 1_000, '2020-02-13T17:00:00.000Z']);
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
