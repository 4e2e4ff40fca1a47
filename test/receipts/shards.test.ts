import { SplitShardCommand } from '@aws-sdk/client-kinesis';
import { journalOf, readObject } from '../../lambdas/receipts/journal';
import { kinesis } from '../../lambdas/receipts/stream';
import { setFault } from '../support/faults';
import { eventually, ProcessEnded } from '../support/processes';
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
  shardOf,
  some,
  wipe,
} from './shop';

let { p, send, get } = {} as Receipts;
beforeAll(async () => {
  ({ p, send, get } = await openReceipts());
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(() => {
  setFault(undefined);
  restore();
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
