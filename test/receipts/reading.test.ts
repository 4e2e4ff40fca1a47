import { setTimeout as delay } from 'node:timers/promises';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { calls, setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { intercept, restore, throttled } from './intercept';
import { booksOf, deliver, newShard, receipt, type Sent, shardOf, some, wipe } from './shop';

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

const get = (path: string, caller = analyst) => p.api('GET', path, {}, caller);

test('analysts and operators read; senders and strangers do not', async () => {
  for (const path of ['/api/analytics/', '/api/places/', '/api/checks/', '/api/analytics/books/']) {
    expect((await p.api('GET', path)).status).toBe(401);
    expect((await get(path, shop)).status).toBe(403);
    expect((await get(path, await p.callers.user())).status).toBe(403);
    expect((await get(path, operator)).status).toBe(200);
  }
  expect((await p.api('POST', '/api/checks/', { body: receipt() })).status).toBe(401);
});

describe('the list of receipts', () => {
  test('the list shows each receipt once, the newest arrival first, over pages', async () => {
    const all = some(7);
    await deliver(p, newShard(), shardOf([...all.slice(0, 4), ...all.slice(0, 2)]));
    await p.api('POST', '/api/add_checks/', { body: all[4] }, shop);
    const shown: string[] = [];
    for (let path: string | null = '/api/checks/?limit=2'; path; ) {
      const { body }: { body: { results: Sent[]; next: string | null } } = await get(path);
      shown.push(...body.results.map(({ transaction_id }) => transaction_id));
      path = body.next;
    }
    expect([...shown].sort()).toEqual(all.slice(0, 5).map(({ transaction_id }) => transaction_id));
  });

  test('what was cut elsewhere on retry is in the list once', async () => {
    const all = some(6);
    const shard = newShard();
    const records = shardOf(all).map((record) => ({ ...record, ApproximateArrivalTimestamp: new Date() }));
    setFault(({ command }) => (/TransactWrite/.test(command) ? 'before' : undefined));
    await expect(deliver(p, shard, records)).rejects.toThrow();
    setFault(undefined);
    await deliver(p, shard, records.slice(0, 2));
    await deliver(p, shard, records.slice(2));
    const { results } = (await get('/api/checks/')).body;
    expect(results.map(({ transaction_id }: Sent) => transaction_id).sort()).toEqual(
      all.map(({ transaction_id }) => transaction_id),
    );
  });

  test('of many calls at once with one receipt, it is in the list once', async () => {
    const [one] = some(1);
    await Promise.all(Array.from({ length: 5 }, () => p.api('POST', '/api/add_checks/', { body: one }, shop)));
    expect((await get('/api/checks/')).body.results).toHaveLength(1);
  });

  test('an object of the journal that breaks off while it is read is read again', async () => {
    const all = some(3);
    await deliver(p, newShard(), shardOf(all));
    let broken = 0;
    intercept('s3', 'GetObjectCommand', async (_, read) => {
      const { Body, ...rest } = await read();
      if (++broken > 2) return { Body, ...rest };
      await Body.transformToString();
      Body.transformToString = () => Promise.reject(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
      return { Body, ...rest };
    });
    expect((await get('/api/checks/')).body.results).toHaveLength(3);
    expect(broken).toBe(3);
  });

  test.each([
    ['the journal breaks off for good', 'ECONNRESET', 'Error'],
    ['the journal asks for patience', undefined, 'SlowDown'],
  ])('%s: 503, to be asked again', async (_, code, name) => {
    await deliver(p, newShard(), shardOf(some(1)));
    intercept('s3', 'GetObjectCommand', async () => {
      if (!code) throw throttled(name);
      return { Body: { transformToString: () => Promise.reject(Object.assign(new Error('aborted'), { code })) } };
    });
    const { status, headers } = await get('/api/checks/');
    expect([status, headers['retry-after']]).toEqual([503, '1']);
  });

  test('of a read of many the table may answer a part: the rest is asked for again, with patience, not for ever', async () => {
    await deliver(p, newShard(), shardOf(some(9)));
    const ask = (most: number) =>
      intercept('documents', 'BatchGetItemCommand', async ({ RequestItems }, read) => {
        const [[name, { Keys, ...rest }]] = Object.entries(RequestItems) as [[string, { Keys: unknown[] }]];
        const given = most && (await read({ RequestItems: { [name]: { Keys: Keys.slice(0, most), ...rest } } }));
        const left = Keys.slice(most);
        return { Responses: {}, ...given, UnprocessedKeys: left.length ? { [name]: { Keys: left, ...rest } } : {} };
      });
    ask(2);
    expect((await get('/api/checks/')).body.results).toHaveLength(9);
    restore();
    ask(0);
    expect((await get('/api/checks/')).status).toBe(503);
  });

  test('a receipt that is not there is not found', async () => {
    expect((await get('/api/checks/nothing/')).status).toBe(404);
  });
});

describe('analytics', () => {
  const TableName = () => p.named('Receipts/Api').environment['TABLE_NAME'] ?? '';
  const sums = (changes: Record<string, number> = {}) => ({ purchases: 1, amount: 100, nds: 10, tips: 5, ...changes });
  const write = async (items: Record<string, unknown>[]) => {
    const RequestItems = { [TableName()]: items.map((Item) => ({ PutRequest: { Item } })) };
    await documents.send(new BatchWriteCommand({ RequestItems }));
  };

  const PAGE = 1_000;
  let reads = 0;
  /** Answers the reading of totals as if so many hours from 2025 on were stored of each place, a thousand at a time. */
  const pretend = (hours: Record<string, number>, changes?: Record<string, number>) => {
    reads = 0;
    intercept('documents', 'QueryCommand', async (input, read) => {
      const [partition, from, to] = Object.values(input.ExpressionAttributeValues) as string[];
      if (!partition?.startsWith('TOTALS#')) return read();
      reads++;
      const start = input.ExclusiveStartKey?.n ?? 0;
      const length = Math.min(PAGE, (hours[partition.slice(7)] ?? 0) - start);
      const all = Array.from({ length }, (_, n) => start + n);
      const Items = all.map((n) => ({
        ...{ pk: partition, sk: `HOUR#${new Date(Date.UTC(2025, 0, 1, n)).toISOString().slice(0, 13)}#0` },
        ...sums(changes),
      }));
      const wanted = Items.filter(({ sk }) => sk >= (from ?? '') && sk <= (to ?? ''));
      return { Items: wanted, ...(all.length === PAGE && { LastEvaluatedKey: { n: start + PAGE } }) };
    });
  };

  const named = (id: string) => ({
    ...{ pk: `PLACE#${id}`, sk: 'PLACE', place_id: id, place_name: id, named_at: '2025-01-01T00:00:00.000Z' },
    ...{ gsi1pk: 'PLACES#0', gsi1sk: id },
  });

  test('the average is the mean of the receipts, rounded half up', async () => {
    const amounts = ['10.00', '10.00', '10.01', '0.01'];
    const all = some(4).map((one, n) => ({ ...one, total_amount: amounts[n] ?? '' }));
    await deliver(p, newShard(), shardOf(all.slice(0, 3)));
    expect((await get('/api/analytics/place-1/')).body.average_receipt).toBe('10.00');
    await deliver(p, newShard(), shardOf(all.slice(3)));
    // 30.02 / 4 = 7.505, whatever the hours it is added up from
    expect((await get('/api/analytics/place-1/')).body.average_receipt).toBe('7.51');
  });

  test('a period takes in its first and last interval whole', async () => {
    const times = ['2026-01-30T23:59', '2026-01-31T00:00', '2026-01-31T12:30', '2026-02-01T00:00', '2026-02-02T05:00'];
    const all = times.map((time, n) => receipt({ transaction_id: `t${n}`, timestamp: `${time}:00.000Z` }));
    await deliver(p, newShard(), shardOf(all));
    const purchases = async (query: string) => (await get(`/api/analytics/place-1/?${query}`)).body.total_purchases;
    for (const _ of ['from hours', 'from days']) {
      expect(await purchases('')).toBe(5);
      expect(await purchases('from=2026-01-31T15:00:00Z')).toBe(4);
      expect(await purchases('from=2026-01-31T12:59:00Z&interval=hour')).toBe(3);
      expect(await purchases('to=2026-01-31T00:00:00Z')).toBe(1);
      expect(await purchases('to=2026-01-31T00:00:01Z')).toBe(3);
      expect(await purchases('from=2026-01-31&to=2026-02-01T00:10:00Z&interval=hour')).toBe(3);
      await p.run('Receipts/Close', {});
    }
    const wrong = await get('/api/analytics/?from=2026-02-01&to=2026-01-31');
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ path: 'to' }] } });
    expect((await get('/api/analytics/nowhere/')).status).toBe(404);
  });

  test('receipts of very many days far from each other take a bounded number of calls', async () => {
    const all = some(30).map((one, n) => ({ ...one, timestamp: `${2026 + n * 7}-0${1 + (n % 9)}-10T12:00:00.000Z` }));
    await deliver(p, newShard(), shardOf(all));
    setFault(() => undefined);
    const { body } = await get('/api/analytics/place-1/');
    // the marks, the days, and the hours in spans of days
    expect(calls.filter(({ command }) => command.startsWith('Query'))).toHaveLength(22);
    expect([body.total_purchases, body.intervals.length]).toEqual([30, 30]);
    expect(body.intervals[29].start).toBe(`${all[29]?.timestamp.slice(0, 10)}T00:00:00.000Z`);
  });

  test('a period of too many intervals is refused with what to do; a shorter one is answered', async () => {
    await write([named('a')]);
    pretend({ a: 10_001, '': 10_001 });
    for (const path of ['/api/analytics/a/', '/api/analytics/']) {
      const { status, body } = await get(`${path}?interval=hour`);
      expect([status, body.errors]).toEqual([422, [{ path: 'from', message: expect.stringContaining('shorter') }]]);
    }
    const { body } = await get('/api/analytics/?interval=hour&from=2025-06-01&to=2025-07-01');
    expect([body.total.intervals.length, body.results[0].total_purchases]).toEqual([720, 720]);
    // of places together, too: what an answer holds is bounded, not what a place holds
    await write([named('b')]);
    restore();
    pretend({ a: 10_000, b: 6_000 });
    expect((await get('/api/analytics/?interval=hour&to=2025-08-01')).status).toBe(422);
    expect((await get('/api/analytics/?interval=hour&to=2025-08-01&limit=1')).status).toBe(200);
  });

  test('what an answer reads is bounded, however large the totals are', async () => {
    await write([named('a')]);
    pretend({ a: 1_000_000 }, Object.fromEntries(Array.from({ length: 96 }, (_, n) => [`q:${n}`, 1])));
    expect((await get('/api/analytics/a/?interval=hour')).status).toBe(422);
    expect(reads).toBeLessThan(15);
  });

  test('very many categories: the thousand on which most was spent, with their number; of many places, fewer places', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 1_500 }, (_, n) => [
        [`s:c${n}`, n + 1],
        [`q:c${n}`, 1],
        [`p:c${n}`, 1],
      ]).flat() as [string, number][],
    );
    const places = Array.from({ length: 12 }, (_, n) => `p${n}`);
    await write(places.map(named));
    pretend(Object.fromEntries(places.map((id) => [id, 1])), many);
    const { body } = await get('/api/analytics/p1/?interval=hour');
    expect(body.categories).toBe(1_500);
    expect(Object.keys(body.category_analytics)).toHaveLength(1_000);
    expect(body.category_analytics.c1499).toEqual({ total_spent: '15.00', quantity: 1, average_receipt: '15.00' });
    expect(body.category_analytics.c499).toBeUndefined();
    expect(await get('/api/analytics/?interval=hour')).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'limit' }] },
    });
    expect((await get('/api/analytics/?interval=hour&limit=10')).body.results).toHaveLength(10);
  });

  test('names that mean something to the language are categories like any other', async () => {
    const items = ['constructor', 'toString', 'purchases'].map((category) => ({
      ...{ product_id: 'p', quantity: 2, price: '1.00', category },
    }));
    const [one] = some(1, { items }) as [Sent];
    await deliver(p, newShard(), shardOf([one]));
    const { body } = await get('/api/analytics/place-1/');
    expect(Object.keys(body.category_analytics).sort()).toEqual(['constructor', 'purchases', 'toString']);
    expect(body.category_analytics.constructor).toEqual({ total_spent: '2.00', quantity: 2, average_receipt: '2.00' });
  });
});

test('books of a stream with more waiting than is worth reading: what waits is reckoned from what was announced', async () => {
  const all = some(30);
  await p.api('POST', '/api/checks/', { body: all }, shop);
  let pages = 0;
  intercept('kinesis', 'ListShardsCommand', async ({ NextToken }, read) => {
    const { Shards } = await read({ StreamName: p.named('Receipts/Api').environment['STREAM_NAME'] });
    return NextToken ? { Shards: Shards.slice(1) } : { Shards: Shards.slice(0, 1), NextToken: 'more' };
  });
  intercept('kinesis', 'GetRecordsCommand', async (input, read) => {
    pages++;
    const { Records, NextShardIterator } = await read(input);
    return { Records: Records.slice(0, 1), NextShardIterator, MillisBehindLatest: 1_000 };
  });
  const books = await booksOf(p);
  expect(books).toMatchObject({ announced: 30, counted: 0, waiting: 30, lost: 0 });
  expect(pages).toBe(20);
  expect(books.shards).toHaveLength(2);
  // nor for longer than a caller waits
  pages = 0;
  restore();
  intercept('kinesis', 'GetRecordsCommand', async (input, read) => {
    pages++;
    await delay(700);
    return { ...(await read(input)), MillisBehindLatest: 1_000 };
  });
  expect(await booksOf(p)).toMatchObject({ announced: 30, waiting: 30, lost: 0 });
  expect(pages).toBeLessThan(10);
});
