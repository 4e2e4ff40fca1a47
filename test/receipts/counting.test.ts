import { randomUUID } from 'node:crypto';
import { SplitShardCommand } from '@aws-sdk/client-kinesis';
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { journalOf, readObject } from '../../lambdas/receipts/journal';
import { kinesis } from '../../lambdas/receipts/stream';
import { partOf } from '../../lambdas/receipts/totals';
import { setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { eventually, ProcessEnded } from '../support/processes';
import { intercept, restore, throttled } from './intercept';
import {
  booksOf,
  deliver,
  expectBooks,
  expectModel,
  Model,
  newShard,
  type Sent,
  type ShardRecord,
  shardOf,
  some,
  wipe,
} from './shop';
import { writeUnits } from './write-units';

let p: Platform;
let shop: Caller;
let analyst: Caller;
let operator: Caller;
beforeAll(async () => {
  p = await platform('receipts');
  shop = await p.callers.apiKey({ scopes: ['receipts:write'] });
  analyst = await p.callers.user('analyst');
  operator = await p.callers.user('operator');
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(() => {
  setFault(undefined);
  restore();
});

const send = (body: unknown, headers = {}) => p.api('POST', '/api/checks/', { body, headers }, shop);
const get = (path: string, caller = analyst) => p.api('GET', path, {}, caller);

test('the function off while receipts arrive, then on: the books show them waiting, then all are counted', async () => {
  const all = some(120);
  const { waiting } = await booksOf(p);
  await send(all);
  const books = await booksOf(p);
  expect(books).toMatchObject({ announced: 120, lost: 0, counted: 0, waiting: waiting + 120 });
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ counted: 120, waiting: 0, lost: 0 });
});

test('more totals than a transaction holds: several, each with its checkpoint; ended between any two, right', async () => {
  const all = some(150).map((one, n) => ({
    ...one,
    place_id: `place-${n}`,
    timestamp: `2026-01-${String((n % 28) + 1).padStart(2, '0')}T0${n % 7}:00:00.000Z`,
  }));
  const model = new Model();
  for (const one of all) model.take(one);
  const shard = newShard();
  const records = shardOf(all);
  let transactions = 0;
  for (let end = 1; ; end++) {
    let seen = 0;
    setFault(({ command }) =>
      /TransactWrite/.test(command) && ++seen === 2 ? (end % 2 ? 'after' : 'before') : undefined,
    );
    const done = await deliver(p, shard, records).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ProcessEnded) return false;
        throw error;
      },
    );
    transactions += seen;
    if (done) break;
  }
  setFault(undefined);
  expect(transactions).toBeGreaterThanOrEqual(5);
  await expectModel(p, model);
  await expectBooks(p, model);
  const { body } = await get('/api/checks/?limit=200');
  expect(body.results.map(({ transaction_id }: Sent) => transaction_id).sort()).toEqual(
    [...model.counted.keys()].sort(),
  );
});

test('500 receipts of 20 shops in an hour cost at most 1.1 write units each', async () => {
  const categories = ['food', 'books', 'toys', 'electronics'];
  const all = some(500).map((one, n) => ({
    ...one,
    transaction_id: randomUUID(),
    place_id: `4a1f7c60-0d5b-4f0e-9c57-6b0f2f0f7a${String(n % 20).padStart(2, '0')}`,
    items: [n, n + 1].map((k) => ({
      product_id: randomUUID(),
      quantity: 1,
      price: '20.00',
      category: categories[k % 4] ?? '',
    })),
  }));
  // places are written once in their life
  await deliver(p, newShard(), shardOf(all.slice(0, 20)));
  const batch = shardOf(all.map((one) => ({ ...one, transaction_id: randomUUID() })));
  const units = await writeUnits(() => deliver(p, newShard(), batch));
  expect(units).toBeGreaterThan(500);
  expect(units / 500).toBeLessThanOrEqual(1.1);
});

test('poison never blocks its shard: kept with its reason, shown to operators, put back corrected', async () => {
  const [good, other] = some(2) as [Sent, Sent];
  const bad = JSON.stringify({ ...other, total_amount: 'much' });
  await deliver(p, newShard(), shardOf([bad, good, { ...good, tips_amount: '9.00' }]));
  expect((await get('/api/checks/set-aside/')).status).toBe(403);
  const { body } = await get('/api/checks/set-aside/', operator);
  expect(body.results).toMatchObject([
    { reason: `another receipt has the transaction_id ${good.transaction_id}`, put_back_at: null },
    { reason: expect.stringContaining('total_amount'), payload: bad },
  ]);
  const answer = await p.api(
    'POST',
    `/api/checks/set-aside/${body.results[1].id}/put-back/`,
    { body: { payload: JSON.stringify(other) } },
    operator,
  );
  expect(answer).toMatchObject({ status: 200, body: { put_back_at: expect.any(String) } });
  await p.settle();
  expect((await get(`/api/checks/${other.transaction_id}/`)).status).toBe(200);
  expect(await booksOf(p)).toMatchObject({ counted: 2, set_aside: 2, lost: 0, announced: 1 });
});

test('two receipts of one shop with different categories in one hour', async () => {
  const [food, toys] = [
    ['food', '19.99'],
    ['toys', '0.02'],
  ].map(([category = '', price = '']) => some(1, { items: [{ product_id: 'p', quantity: 1, price, category }] })[0]);
  const model = new Model();
  for (const one of [food, toys]) if (one) model.take(one);
  await deliver(p, newShard(), shardOf([food, toys] as Sent[]));
  await expectModel(p, model);
});

/** A receipt of as many categories as one may have. */
const broad = (one: Sent, first: number): Sent => ({
  ...one,
  items: Array.from({ length: 100 }, (_, n) => ({
    product_id: 'p',
    quantity: 1 + (n % 3),
    price: '0.07',
    category: `category ${first + n}`,
  })),
});

test('more categories than an update holds: in several items, right by hour and by day', async () => {
  const all = some(6).map((one, n) => broad(one, n * 70));
  const model = new Model();
  for (const one of all) model.take(one);
  await deliver(p, newShard(), shardOf(all));
  const [one] = some(1).map((each) => broad(each, 400)) as [Sent];
  model.take(one);
  expect((await p.api('POST', '/api/add_checks/', { body: one }, shop)).status).toBe(201);
  await expectModel(p, model);
  await p.run('Receipts/Close', {});
  await expectModel(p, model);
  await expectBooks(p, model);
});

test('an hour whose item is full goes on in another', async () => {
  const shard = newShard();
  const [first, second, third] = some(3) as [Sent, Sent, Sent];
  await deliver(p, shard, shardOf([first]));
  const TableName = p.named('Receipts/Api').environment['TABLE_NAME'];
  const sk = `HOUR#2026-01-31T12#${partOf(shard)}`;
  const Key = { pk: 'TOTALS#place-1', sk };
  const { Item } = await documents.send(new GetCommand({ TableName, Key }));
  // quantities of nothing, up to some bytes below the 400 KB of an item
  const full = Object.fromEntries(Array.from({ length: 4_170 }, (_, n) => [`q:${'x'.repeat(90)}${1_000 + n}`, 0]));
  await documents.send(new PutCommand({ TableName, Item: { ...Item, ...full } }));
  const model = new Model();
  for (const one of [first, second, third]) model.take(one);
  const toys = [second, third].map((one, n) => broad(one, n));
  for (const one of toys) model.counted.set(one.transaction_id, one);
  await deliver(p, shard, shardOf([first, ...toys]));
  await expectModel(p, model);
  await expectBooks(p, model);
  // and at the door, whichever of the hour's items a receipt falls upon
  for (let part = 0; part < 4; part++) {
    const item = { pk: 'TOTALS#place-1', sk: `HOUR#2026-01-31T12#${part}`, ...full };
    const before = (await documents.send(new GetCommand({ TableName, Key: { pk: item.pk, sk: item.sk } }))).Item;
    await documents.send(new PutCommand({ TableName, Item: { ...item, ...before } }));
  }
  const [fourth] = some(1).map((one) => broad(one, 200)) as [Sent];
  model.take(fourth);
  expect((await p.api('POST', '/api/add_checks/', { body: fourth }, shop)).status).toBe(201);
  await expectModel(p, model);
  await expectBooks(p, model);
});

test('shards that count one place at once: every sum is exact', async () => {
  const all = some(40);
  const model = new Model();
  for (const one of all) model.take(one);
  await Promise.all(
    Array.from({ length: 8 }, (_, n) => deliver(p, newShard(), shardOf(all.slice(n * 5, n * 5 + 5), n * 1_000))),
  );
  await expectModel(p, model);
  await expectBooks(p, model);
});

test('a shard is split while receipts come: what its children bring again counts nothing', async () => {
  const StreamName = p.named('Receipts/Api').environment['STREAM_NAME'];
  const shards = async () => (await booksOf(p)).shards.map(({ shard }: { shard: string }) => shard);
  const [parent, ...others] = await shards();
  const all = some(60);
  await send(all.slice(0, 40));
  // AWS keeps the parent until it is read; the emulator forgets it at once
  await p.settle();
  const quarter = (2n ** 126n).toString();
  await kinesis.send(new SplitShardCommand({ StreamName, ShardToSplit: parent, NewStartingHashKey: quarter }));
  await eventually('the stream has its new shards', async () => (await shards()).length > others.length + 1);
  await send(all.slice(20));
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ announced: 80, counted: 60, duplicate: 20, lost: 0, balanced: true });
  const { body } = await get('/api/analytics/place-1/');
  expect(body).toMatchObject({ total_purchases: 60, total_amount: '2400.00' });
});

test('what another run counted meanwhile is not counted again, up to several times in a row', async () => {
  const shard = newShard();
  const records = shardOf(some(6));
  let beside = 0;
  intercept('documents', 'TransactWriteItemsCommand', async (_, write) => {
    // each time before the slow run commits, a faster one has counted a record more
    if (beside < 4) await deliver(p, shard, records.slice(0, ++beside + 1));
    return write();
  });
  await deliver(p, shard, records);
  restore();
  expect(await booksOf(p)).toMatchObject({ counted: 6, duplicate: 0 });
  expect((await get('/api/analytics/place-1/')).body.total_purchases).toBe(6);
});

test('a batch cut at another place on retry: what is in the journal stays as it was written, and nothing is missing', async () => {
  const shard = newShard();
  const all = some(10);
  const records = shardOf(all);
  setFault(({ command }) => (command === 'PutObjectCommand' ? 'after' : undefined));
  await expect(deliver(p, shard, records)).rejects.toThrow(ProcessEnded);
  setFault(undefined);
  Object.assign(process.env, p.named('Receipts/Count/Function').environment);
  const key = `receipts/${shard}/${records[0]?.SequenceNumber.padStart(56, '0')}.ndjson`;
  const written = await readObject(key);
  expect(written).toHaveLength(10);
  for (const [from, to] of [
    [0, 4],
    [4, 10],
  ]) {
    await deliver(p, shard, records.slice(from, to));
  }
  expect(await readObject(key)).toEqual(written);
  const inJournal = new Set<string>();
  for await (const object of journalOf('2026-01-31T12')) {
    if (object.lane === shard) for (const { sequence } of await readObject(object.key)) inJournal.add(sequence);
  }
  expect([...inJournal].sort()).toEqual(records.map(({ SequenceNumber }) => SequenceNumber));
  expect(await booksOf(p)).toMatchObject({ counted: 10, duplicate: 0, balanced: true });
  await p.run('Receipts/Close', {});
  expect((await get('/api/analytics/runs/')).body.results[0]).toMatchObject({
    receipts: 10,
    differences: 0,
    missing: 0,
  });
});

describe('storing receipts that the table refuses for the moment', () => {
  const refuse = (times: number) =>
    intercept('documents', 'BatchExecuteStatementCommand', async (input, store) => {
      if (times-- <= 0) return store();
      // the last of a call is refused, the others are stored
      const { Responses } = await store({ ...input, Statements: input.Statements.slice(0, -1) }).catch(() => ({
        Responses: [],
      }));
      return { Responses: [...Responses, { Error: { Code: 'ThrottlingError', Message: 'too much' } }] };
    });

  test('is tried again for those alone', async () => {
    const all = some(5);
    refuse(2);
    await deliver(p, newShard(), shardOf(all));
    expect((await get('/api/analytics/place-1/')).body.total_purchases).toBe(5);
  });

  test('fails the batch when it goes on, which counts when it comes again', async () => {
    const shard = newShard();
    const records = shardOf(some(2));
    refuse(Number.POSITIVE_INFINITY);
    await expect(deliver(p, shard, records)).rejects.toThrow('1 receipts were not stored: too much');
    restore();
    expect((await booksOf(p)).counted).toBe(0);
    await deliver(p, shard, records);
    expect((await booksOf(p)).counted).toBe(2);
  });
});

describe('poison', () => {
  const setAside = async () => (await get('/api/checks/set-aside/', operator)).body.results;
  const back = (id: string, body: unknown = {}) =>
    p.api('POST', `/api/checks/set-aside/${id}/put-back/`, { body }, operator);

  test.each([
    ['no text', Buffer.from([0xff, 0xfe, 0x00]), 'not UTF-8', '//4A'],
    ['longer than an item', Buffer.from('я'.repeat(300_000)), 'JSON', 'я'.repeat(16_384)],
    ['nested without end', Buffer.from(`{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}`), 'not a receipt', undefined],
    [
      'without a name that fits',
      Buffer.from(JSON.stringify({ transaction_id: 'x'.repeat(3_000) })),
      'transaction_id',
      undefined,
    ],
  ])('%s: those behind it count, it is kept and comes again as it was', async (_, Data, reason, payload) => {
    const [good] = some(1) as [Sent];
    const [bad, ...rest] = shardOf(['', good]);
    await deliver(p, newShard(), [{ ...bad, Data } as ShardRecord, ...rest]);
    expect(await booksOf(p)).toMatchObject({ counted: 1, set_aside: 1 });
    const [one] = await setAside();
    expect(one.reason).toContain(reason);
    if (payload) expect(one.payload).toBe(payload);
    const { body: whole } = await get(`/api/checks/set-aside/${one.id}/`, operator);
    expect([Data.toString('utf8'), Data.toString('base64')]).toContain(whole.payload);
    expect((await get('/api/checks/')).body.results).toHaveLength(1);
    let sent: Buffer | undefined;
    intercept('kinesis', 'PutRecordsCommand', async ({ Records }) => {
      sent = Records[0].Data;
      return { Records: [{}] };
    });
    expect((await back(one.id)).status).toBe(200);
    expect(sent?.equals(Data)).toBe(true);
  });

  test('cannot be put back while the stream takes nothing, or when there is none of that id', async () => {
    await deliver(p, newShard(), shardOf(['not json']));
    const [{ id }] = await setAside();
    intercept('kinesis', 'PutRecordsCommand', () => Promise.reject(throttled()));
    expect((await back(id)).status).toBe(409);
    expect((await setAside())[0].put_back_at).toBeNull();
    restore();
    expect((await back('no-such-record')).status).toBe(404);
  });
});

test('a place has the name on its newest receipt', async () => {
  const named = (place_name: string, minute: string) =>
    some(1, { place_name, timestamp: `2026-01-31T12:${minute}:00.000Z` })[0] as Sent;
  const nameNow = async () => (await get('/api/places/place-1/')).body.place_name;
  await deliver(p, newShard(), shardOf([named('Second', '20'), named('First', '10')]));
  expect(await nameNow()).toBe('Second');
  await deliver(p, newShard(), shardOf([named('Older', '15')]));
  expect(await nameNow()).toBe('Second');
  // another instance has named it since this one last looked
  const TableName = p.named('Receipts/Api').environment['TABLE_NAME'];
  const Key = { pk: 'PLACE#place-1', sk: 'PLACE' };
  const later = { UpdateExpression: 'SET place_name = :n, named_at = :t', Key, TableName };
  const values = { ':n': 'Fourth', ':t': '2026-01-31T12:40:00.000Z' };
  await documents.send(new UpdateCommand({ ...later, ExpressionAttributeValues: values }));
  await deliver(p, newShard(), shardOf([named('Third', '30')]));
  expect(await nameNow()).toBe('Fourth');
  expect((await get('/api/places/')).body.results).toMatchObject([{ place_id: 'place-1' }]);
  expect((await get('/api/places/nowhere/')).status).toBe(404);
});
