import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { setFault } from '../support/faults';
import { ProcessEnded } from '../support/processes';
import { type Closings, openClosings } from './closings';
import { intercept, restore } from './intercept';
import { booksOf, deliver, expectModel, Model, newShard, type Sent, shardOf, some, wipe } from './shop';

let { p, get, TableName, close, runs, spoil } = {} as Closings;
beforeAll(async () => {
  ({ p, get, TableName, close, runs, spoil } = await openClosings());
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(() => {
  setFault(undefined);
  restore();
});

test('finds totals that are wrong, repairs them from the receipts and reports them with their ids', async () => {
  const all = some(4);
  const model = new Model();
  for (const one of all) model.take(one);
  const shard = newShard();
  await deliver(p, shard, shardOf(all));
  const wrong = {
    TableName,
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
  await documents.send(new DeleteCommand({ TableName, Key }));
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
  await documents.send(new PutCommand({ TableName, Item: { ...Item, ...index } }));
  for (const { transaction_id } of all.slice(1)) {
    const Key = { pk: `RECEIPT#${transaction_id}`, sk: 'RECEIPT' };
    await documents.send(new DeleteCommand({ TableName, Key }));
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
