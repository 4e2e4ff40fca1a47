import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { calls, setFault } from '../support/faults';
import { type Closings, openClosings } from './closings';
import { booksOf, deliver, expectModel, Model, newShard, type Sent, shardOf, some, wipe } from './shop';

let { p, operator, get, TableName, close, runs } = {} as Closings;
beforeAll(async () => {
  ({ p, operator, get, TableName, close, runs } = await openClosings());
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(() => setFault(undefined));

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

test('a run whose function did not live to end it is shown as failed', async () => {
  const { body } = await p.api('POST', '/api/analytics/runs/', { body: {} }, operator);
  const started_at = new Date(Date.now() - 7 * 60_000).toISOString();
  const Item = { pk: 'RUNS', sk: body.id, ...body, status: 'running', started_at };
  await documents.send(new PutCommand({ TableName, Item }));
  expect((await runs())[0]).toMatchObject({ status: 'failed', error: 'its function did not live to end it' });
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

test('a scheduled closing waits for one that is under way while there is time', async () => {
  await deliver(p, newShard(), shardOf(some(1)));
  const until = new Date(Date.now() + 200).toISOString();
  const Item = { pk: 'CLOSING', sk: 'LOCK', owner: 'another', until };
  await documents.send(new PutCommand({ TableName, Item }));
  await close();
  expect((await runs())[0]).toMatchObject({ status: 'done', hours: ['2026-01-31T12:00:00.000Z'] });
});
