import fc from 'fast-check';
import * as z from 'zod';
import { commit } from '../../lambdas/kernel/commit';
import { openCursor, sealCursor } from '../../lambdas/kernel/cursor';
import { newId, shardOf, shards } from '../../lambdas/kernel/id';
import { mergedPage, page, slicePage } from '../../lambdas/kernel/page';
import { Problem } from '../../lambdas/kernel/problem';
import type { Range } from '../../lambdas/kernel/table';
import type { Platform } from '../support/platform';
import { openThings, Thing, things } from './things';

let on: Platform;
beforeAll(async () => {
  on = await openThings();
});
afterAll(() => on.close());

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
