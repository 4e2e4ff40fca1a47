import { randomUUID } from 'node:crypto';
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { partOf } from '../../lambdas/receipts/totals';
import { setFault } from '../support/faults';
import { ProcessEnded } from '../support/processes';
import { intercept, restore } from './intercept';
import {
  booksOf,
  deliver,
  expectBooks,
  expectModel,
  Model,
  newShard,
  openReceipts,
  type Receipts,
  type Sent,
  shardOf,
  some,
  wipe,
} from './shop';
import { writeUnits } from './write-units';

let { p, shop, send, get } = {} as Receipts;
beforeAll(async () => {
  ({ p, shop, send, get } = await openReceipts());
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(() => {
  setFault(undefined);
  restore();
});

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
