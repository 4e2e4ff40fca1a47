import fc from 'fast-check';
import * as z from 'zod';
import { ConditionFailed, commit, commitIf } from '../../lambdas/kernel/commit';
import { resourceKey } from '../../lambdas/kernel/credentials';
import { openCursor, sealCursor } from '../../lambdas/kernel/cursor';
import { documents } from '../../lambdas/kernel/documents';
import { newId, shardOf, shards } from '../../lambdas/kernel/id';
import { Idempotency, Replay } from '../../lambdas/kernel/idempotency';
import { mergedPage, page, slicePage } from '../../lambdas/kernel/page';
import { Problem } from '../../lambdas/kernel/problem';
import { deriveKey } from '../../lambdas/kernel/secret';
import { type Range, table } from '../../lambdas/kernel/table';
import { type Platform, platform } from '../support/platform';

const things = table();
const Thing = z.object({
  pk: z.string(),
  sk: z.string(),
  n: z.number(),
  list: z.array(z.number()).optional(),
  by: z.string().optional(),
});
const key = (n = 0) => ({ pk: `THING#${newId()}`, sk: `${n}` });

let on: Platform;
beforeAll(async () => {
  on = await platform('orders');
  Object.assign(process.env, on.named('Orders/Api').environment);
});
afterAll(() => on.close());

describe('conditions hold back a write and all that goes with it', () => {
  test.each([
    ['exists: false', { exists: false }, false],
    ['exists: true', { exists: true }, true],
    ['equals', { equals: { n: 5 } }, true],
    ['equals another', { equals: { n: 6 } }, false],
    ['equals absence', { equals: { by: undefined } }, true],
    ['equals absence of what is there', { equals: { n: undefined } }, false],
    ['below', { below: { n: 6 } }, true],
    ['below its own value', { below: { n: 5 } }, false],
    ['below, for what is absent', { below: { later: 'x' } }, true],
    ['oneOf', { oneOf: { n: [4, 5] } }, true],
    ['oneOf others', { oneOf: { n: [1] } }, false],
    ['shorter', { shorter: { list: 3 } }, true],
    ['shorter than it is long', { shorter: { list: 2 } }, false],
  ])('%s', async (_, condition, holds) => {
    const [one, other] = [key(), key()];
    const stored = things.put({ ...one, n: 5, list: [1, 2] });
    await commit({ writes: [stored] });
    const outcome = await commitIf({
      writes: [things.put({ ...other, n: 1 }, { exists: false }), things.update(one, { set: { n: 7 } }, condition)],
    });
    expect(outcome).toBe(holds);
    expect((await things.find(Thing, one))?.n).toBe(holds ? 7 : 5);
    expect((await things.find(Thing, other))?.n).toBe(holds ? 1 : undefined);
    // alone, and as a mere check, it holds just the same
    await commit({ writes: [stored] });
    expect(await commitIf({ writes: [things.check(one, condition), things.put({ ...other, n: 2 })] })).toBe(holds);
    expect(await commitIf({ writes: [things.delete(one, condition)] })).toBe(holds);
  });

  test('names the first write at fault, and lets other errors rise', async () => {
    const writes = [things.put({ ...key(), n: 1 }), things.update(key(), { set: { n: 1 } }, { exists: true })];
    await expect(commit({ writes })).rejects.toEqual(new ConditionFailed([1]));
    await expect(commitIf({ writes: [things.put({ pk: '', sk: '' })] })).rejects.toThrow(/empty string|not valid/);
  });
});

test('a change sets, removes, adds, appends and sets once', async () => {
  const one = key();
  await commit({ writes: [things.update(one, { add: { n: 2 }, append: { list: [1] }, setOnce: { by: 'first' } })] });
  await commit({
    writes: [things.update(one, { add: { n: 3 }, append: { list: [2, 3] }, setOnce: { by: 'second' } })],
  });
  expect(await things.find(Thing, one)).toEqual({ ...one, n: 5, list: [1, 2, 3], by: 'first' });
  await commit({ writes: [things.update(one, { set: { n: 9, by: undefined, list: undefined } })] });
  expect(await things.find(Thing, one, true)).toEqual({ ...one, n: 9 });
});

test('twenty who add at once are all counted', async () => {
  const one = key();
  const add = () => commit({ writes: [things.update(one, { add: { n: 1 } }), things.put({ ...key(), n: 1 })] });
  await Promise.all(Array.from({ length: 20 }, add));
  expect((await things.find(Thing, one))?.n).toBe(20);
});

test('what adds or appends does so once when the answer is lost and the call repeated', async () => {
  const one = key();
  const { requestHandler } = documents.config;
  const handle = requestHandler.handle.bind(requestHandler);
  const lossy = jest.spyOn(requestHandler, 'handle').mockImplementationOnce(async (...request) => {
    await handle(...request);
    throw Object.assign(new Error('lost'), { name: 'TimeoutError' });
  });
  await commit({ writes: [things.update(one, { add: { n: 1 }, append: { list: [1] } })] });
  expect(lossy).toHaveBeenCalledTimes(2);
  lossy.mockRestore();
  expect(await things.find(Thing, one)).toEqual({ ...one, n: 1, list: [1] });
});

test('many are found at once, those that exist', async () => {
  const keys = Array.from({ length: 5 }, (_, n) => key(n));
  await Promise.all(keys.slice(1).map((one, n) => commit({ writes: [things.put({ ...one, n })] })));
  expect((await things.findMany(Thing, keys)).map(({ n }) => n).sort()).toEqual([0, 1, 2, 3]);
  expect(await things.findMany(Thing, [])).toEqual([]);
});

describe('lists', () => {
  const partition = `LIST#${newId()}`;
  const sk = (n: number) => String(n).padStart(3, '0');
  beforeAll(() =>
    Promise.all(
      Array.from({ length: 25 }, (_, n) => commit({ writes: [things.put({ pk: partition, sk: sk(n), n })] })),
    ),
  );
  const numbers = async (range: object) => (await things.query(Thing, { partition, ...range })).items.map(({ n }) => n);

  test('ranges are inclusive, newest first unless ascending', async () => {
    expect(await numbers({ from: '003', to: '005' })).toEqual([5, 4, 3]);
    expect(await numbers({ from: '023', ascending: true })).toEqual([23, 24]);
    expect(await numbers({ to: '001' })).toEqual([1, 0]);
    expect(await numbers({ prefix: '01', limit: 3 })).toEqual([19, 18, 17]);
    expect(await numbers({ where: { oneOf: { n: [7, 8] } } })).toEqual([8, 7]);
    expect(await numbers({ from: '005', to: '003' })).toEqual([]);
  });

  const follow = async (
    ask: (cursor?: string) => Promise<{ results: z.output<typeof Thing>[]; next: string | null }>,
  ) => {
    const pages: number[][] = [];
    for (let cursor: string | undefined; ; ) {
      const { results, next } = await ask(cursor);
      pages.push(results.map(({ n }) => n));
      if (!next) return pages;
      cursor = new URL(next, 'http://x').searchParams.get('cursor') ?? '';
    }
  };

  test('pages join to the whole list, whatever their size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.boolean(), async (limit, ascending) => {
        const pages = await follow((cursor) =>
          page(things, Thing, { path: '/x/', query: { limit, cursor } }, { partition, ascending }),
        );
        const all = Array.from({ length: 25 }, (_, n) => (ascending ? n : 24 - n));
        expect(pages.flat()).toEqual(all);
        expect(pages.every((one) => one.length <= limit)).toBe(true);
      }),
      { numRuns: 12 },
    );
  });

  test('a filter that drops most gives short pages and still finds everything', async () => {
    const pages = await follow((cursor) =>
      page(
        things,
        Thing,
        { path: '/x/', query: { limit: 2, cursor } },
        { partition, where: { oneOf: { n: [0, 24] } } },
      ),
    );
    expect(pages.flat()).toEqual([24, 0]);
  });

  test('spread over partitions they come merged, each once, in order', async () => {
    const kind = `KIND${newId()}`;
    const made = await Promise.all(
      Array.from({ length: 17 }, async (_, n) => {
        const id = newId();
        await commit({ writes: [things.put({ pk: `T#${id}`, sk: 'T', n, gsi1pk: shardOf(kind, id), gsi1sk: id })] });
        return id;
      }),
    );
    const Indexed = z.object({ gsi1sk: z.string() });
    const sortKey = ({ gsi1sk }: { gsi1sk: string }) => gsi1sk;
    for (const ascending of [false, true]) {
      for (const limit of [1, 4, 17, 50]) {
        const found: string[] = [];
        for (let cursor: string | undefined, more = true; more; ) {
          const call = { path: '/x', query: { limit, cursor } };
          const { results, next } = await mergedPage(things, Indexed, call, {
            index: 'gsi1',
            partitions: shards(kind),
            sortKey,
            ascending,
          });
          found.push(...results.map(sortKey));
          more = next !== null;
          cursor = new URL(next ?? '/', 'http://x').searchParams.get('cursor') ?? undefined;
        }
        expect(found).toEqual(ascending ? [...made].sort() : [...made].sort().reverse());
      }
    }
  });

  test('pages are whole however uneven the partitions are, and read little of even ones', async () => {
    const Indexed = z.object({ gsi1sk: z.string() });
    const limit = 40;
    for (const places of [[0], [0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 2, 3]]) {
      const kind = `KIND${newId()}`;
      const made = Array.from({ length: 120 }, () => newId());
      for (const [n, id] of made.entries()) {
        const gsi1pk = shards(kind)[places[n % places.length] ?? 0];
        await commit({ writes: [things.put({ pk: `T#${id}`, sk: 'T', n, gsi1pk, gsi1sk: id })] });
      }
      let read = 0;
      const counting = {
        ...things,
        query: async (...args: Parameters<typeof things.query>) => {
          const part = await things.query(...args);
          read += part.items.length;
          return part;
        },
      } as typeof things;
      const range = {
        index: 'gsi1',
        partitions: shards(kind),
        sortKey: (one: { gsi1sk: string }) => one.gsi1sk,
      } as const;
      const { results, next } = await mergedPage(counting, Indexed, { path: '/x', query: { limit } }, range);
      expect(results.map(range.sortKey)).toEqual([...made].sort().reverse().slice(0, limit));
      expect(next).not.toBeNull();
      expect(read).toBeLessThanOrEqual(places.length === 4 ? 2 * limit + 8 : 2.5 * limit);
    }
  });

  test('a page of large items ends before it is more than an answer holds', async () => {
    const Large = z.object({ sk: z.string(), text: z.string() });
    const all = Array.from({ length: 240 }, (_, n) => ({ sk: sk(n), text: 'x'.repeat(42_000) }));
    const shard = (n: number) => `PART#${n % 3}`;
    // a megabyte a call
    const query = async (_: unknown, { partition, to = '~', limit = 0, startKey }: Range) => {
      const before = (startKey?.['sk'] as string) ?? '~';
      const range = all.filter((one, n) => [shard(n), 'ALL'].includes(partition) && one.sk <= to && one.sk < before);
      const items = range.reverse().slice(0, Math.min(limit, 24));
      return { items, lastKey: items.length < range.length ? { sk: items.at(-1)?.sk } : undefined };
    };
    const large = { ...things, query } as unknown as typeof things;
    const call = (cursor?: string) => ({ path: '/x', query: { limit: 200, cursor } });
    const partitions = [0, 1, 2].map(shard);
    for (const ask of [
      (cursor?: string) => page(large, Large, call(cursor), { partition: 'ALL' }),
      (cursor?: string) => mergedPage(large, Large, call(cursor), { partitions, sortKey: (one) => one.sk }),
      (cursor?: string) => slicePage(call(cursor), all, (one) => one.sk),
    ]) {
      const found: string[] = [];
      await follow(async (cursor) => {
        const { results, next } = await ask(cursor);
        expect(JSON.stringify(results).length).toBeLessThan(4_100_000);
        found.push(...results.map((one) => one.sk));
        return { results: [], next };
      });
      expect(found.sort()).toEqual(all.map((one) => one.sk));
    }
  });

  test('the next page keeps the filters, repeated ones too', async () => {
    const query = { limit: 2, state: ['a b', 'c&d'], none: undefined };
    const { next } = await page(things, Thing, { path: '/api/things', query }, { partition });
    const url = new URL(next ?? '', 'http://x');
    expect(url.pathname).toBe('/api/things/');
    expect([url.searchParams.getAll('state'), url.searchParams.get('limit'), url.searchParams.has('none')]).toEqual([
      ['a b', 'c&d'],
      '2',
      false,
    ]);
  });
});

describe('cursors', () => {
  test('give back their position to the same list, and to no other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.jsonValue(), async (list, position) => {
        const cursor = await sealCursor(list, position);
        expect(await openCursor(list, cursor)).toEqual(JSON.parse(JSON.stringify(position)));
        await expect(openCursor(`${list}x`, cursor)).rejects.toMatchObject({ status: 422 });
      }),
    );
  });

  test('altered at any bit they are refused', async () => {
    const cursor = Buffer.from(await sealCursor('list', { pk: 'a', sk: 'b' }), 'base64url');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: cursor.length * 8 - 1 }), async (bit) => {
        const altered = Buffer.from(cursor);
        altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        await expect(openCursor('list', altered.toString('base64url'))).rejects.toBeInstanceOf(Problem);
      }),
    );
  });
});

test('keys of a secret are one for each purpose and resource', async () => {
  expect(deriveKey('secret', 'a')).toEqual(deriveKey('secret', 'a'));
  expect(deriveKey('secret', 'a')).not.toEqual(deriveKey('secret', 'b'));
  expect(deriveKey('secret', 'a')).not.toEqual(deriveKey('other', 'a'));
  const [one, other] = [newId(), newId()];
  expect(await resourceKey('orders:status', one)).toBe(await resourceKey('orders:status', one));
  expect(await resourceKey('orders:status', one)).not.toBe(await resourceKey('orders:status', other));
});

describe('idempotency', () => {
  const answer = { status: 201, body: { secret: 'the answer' }, headers: { 'x-a': 'b' } };

  test('the first answer comes back in place of a second effect, also to many at once', async () => {
    const counter = key();
    const call = () => new Idempotency('me', 'POST /x', 'k1', '{}').remember(answer);
    const attempt = () => commit({ writes: [things.update(counter, { add: { n: 1 } })], idempotency: call() });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, attempt));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ name: 'Replay', answer });
    }
    expect((await things.find(Thing, counter))?.n).toBe(1);
    await expect(call().replayIfAnswered()).rejects.toBeInstanceOf(Replay);
  });

  test('another body is refused; another caller, route or key is another call', async () => {
    await commit({
      writes: [things.put({ ...key(), n: 1 })],
      idempotency: new Idempotency('me', 'POST /x', 'k2', '{}').remember(answer),
    });
    await expect(new Idempotency('me', 'POST /x', 'k2', '{ }').replayIfAnswered()).rejects.toMatchObject({
      status: 422,
    });
    for (const [caller, route, name] of [
      ['you', 'POST /x', 'k2'],
      ['me', 'POST /y', 'k2'],
      ['me', 'POST /x', 'k3'],
    ] as const) {
      await expect(new Idempotency(caller, route, name, '{}').replayIfAnswered()).resolves.toBeUndefined();
    }
  });

  test('what is stored does not show the answer, and is forgotten after a day at the earliest', () => {
    const { Put } = new Idempotency('me', 'POST /x', 'key-4', '{}').remember(answer).write();
    expect(JSON.stringify(Put?.Item)).not.toMatch(/the answer|key-4|"me"/);
    expect(Put?.Item?.['expires_at'] - Date.now() / 1_000).toBeGreaterThan(24 * 3_600);
    expect(() => new Idempotency('me', 'POST /x', 'k5', '{}').write()).toThrow('no answer');
  });
});
