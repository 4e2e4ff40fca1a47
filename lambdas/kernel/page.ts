import type * as z from 'zod';
import { openCursor, sealCursor } from './cursor';
import type { Range, table } from './table';

type Table = ReturnType<typeof table>;

/** What a list was asked for: its path and its query, `limit` and `cursor` among it. */
export interface ListCall {
  path: string;
  query: { limit: number; cursor?: string | undefined };
}

/** How many calls one page may take when a filter drops most of what is read; then a short page with a `next` is given. */
const CALLS_A_PAGE = 5;

/**
 * Names a list with its filters, all of the query but where it is cut, and with what it reads: one path shows other
 * partitions to other callers, and a position in one means nothing in another.
 */
function listName({ path, query }: ListCall, reads: unknown): string {
  const { limit: _, cursor: __, ...filters } = query as Record<string, unknown>;
  return JSON.stringify([path.replace(/\/$/, ''), filters, reads]);
}

async function nextPath(call: ListCall, position: unknown, reads?: unknown): Promise<string> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(call.query)) {
    if (name === 'cursor' || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  search.set('cursor', await sealCursor(listName(call, reads), position));
  return `${call.path.replace(/\/$/, '')}/?${search}`;
}

const positionOf = async (call: ListCall, reads?: unknown): Promise<unknown> =>
  call.query.cursor === undefined ? undefined : openCursor(listName(call, reads), call.query.cursor);

/** A page of a list that its reader cuts itself: `read` gets the position where the last page ended, and gives the next. */
export async function cutPage<T, P>(
  call: ListCall,
  read: (position: P | undefined) => Promise<{ results: T[]; position: P | undefined }>,
) {
  const { results, position } = await read((await positionOf(call)) as P | undefined);
  return { results, next: position === undefined ? null : await nextPath(call, position) };
}

/** Lambda's answer has 6 MB, and what is quoted in a body is escaped once more in it. */
const MOST_BYTES = 4_000_000;
/** What one call of a query reads at the most. */
const CALL_BYTES = 1_048_576;

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');

/** The first items, so many at the most and no more than an answer holds; at least one. */
function first<T>(items: T[], most: number): T[] {
  let bytes = 0;
  for (const [index, item] of items.slice(0, most).entries()) {
    bytes += bytesOf(item);
    if (bytes > MOST_BYTES && index > 0) return items.slice(0, index);
  }
  return items.slice(0, most);
}

/** A page of one partition. Reads what it gives, in one call; up to five with a filter or large items. Ends at 4 MB. */
export async function page<S extends z.ZodType>(from: Table, schema: S, call: ListCall, range: Range) {
  const { limit } = call.query;
  const reads = [range.index, range.partition];
  const results: z.output<S>[] = [];
  let bytes = 0;
  let startKey = (await positionOf(call, reads)) as Record<string, unknown> | undefined;
  for (let calls = 0; calls < CALLS_A_PAGE; calls++) {
    const part = await from.query(schema, { ...range, limit: limit - results.length, startKey });
    results.push(...part.items);
    startKey = part.lastKey;
    if (!startKey || results.length === limit) break;
    bytes += bytesOf(part.items);
    if (bytes + CALL_BYTES > MOST_BYTES) break;
  }
  return { results, next: startKey ? await nextPath(call, startKey, reads) : null };
}

export interface MergedRange<T = never> extends Omit<Range, 'partition' | 'startKey' | 'limit' | 'where'> {
  /** The partitions that the list is spread over, see `shards`; of one with a prefix, the part of it that begins so. */
  partitions: (string | { partition: string; prefix: string })[];
  /** The sort key of a result in the index: unique, and what the list is ordered by. */
  sortKey: (item: T) => string;
  /** Leaves out what another range of the same list gives as well. @default all are kept */
  keeps?: (item: T) => boolean;
}

/** Items of a page of `limit` that one of `count` partitions hardly ever has more of: the mean and three deviations. */
const shareOf = (limit: number, count: number): number =>
  Math.ceil(limit / count) + Math.ceil(3 * Math.sqrt(limit / count));

/**
 * A page of a list that is spread over partitions, and over indexes where several ranges are given, newest first unless
 * `ascending` (in all of them): reads each partition's share, in parallel, and merges; up to `limit` of each when that does
 * not fill the page. Costs twice `limit` item reads as a rule; a cursor is the last sort key given. Ends at 4 MB.
 */
export async function mergedPage<S extends z.ZodType>(
  from: Table,
  schema: S,
  call: ListCall,
  ...ranges: [MergedRange<z.output<S>>, ...MergedRange<z.output<S>>[]]
) {
  const { limit } = call.query;
  const ascending = ranges[0].ascending ?? false;
  const reads = ranges.map(({ index, partitions }) => [index, partitions]);
  const last = (await positionOf(call, reads)) as string | undefined;
  const bounds = (prefix: string): Pick<Range, 'from' | 'to'> => {
    const [from, to] = [prefix, `${prefix}\uffff`];
    if (last === undefined) return prefix ? { from, to } : {};
    if (ascending) return { from: last > from ? last : from, ...(prefix && { to }) };
    return { to: last < to || !prefix ? last : to, ...(prefix && { from }) };
  };
  const isBefore = (a: string, b: string): boolean => (ascending ? a < b : a > b);
  const readParts = (most: number) =>
    Promise.all(
      ranges.flatMap(({ partitions, sortKey, keeps = () => true, ...range }) =>
        partitions.map(async (one) => {
          const { partition, prefix } = typeof one === 'string' ? { partition: one, prefix: '' } : one;
          const within = bounds(prefix);
          // DynamoDB refuses a range that ends before it begins
          if ((within.from ?? '') > (within.to ?? '\uffff')) return { entries: [], horizon: undefined };
          // one more than asked, for bounds are inclusive and the item there was given before
          const { items, lastKey } = await from.query(schema, { ...range, partition, limit: most + 1, ...within });
          const entries = items.map((item) => ({ item, key: sortKey(item), kept: keeps(item) }));
          return { entries, horizon: lastKey && entries.at(-1)?.key };
        }),
      ),
    );
  const merge = (parts: Awaited<ReturnType<typeof readParts>>) => {
    // beyond it, a partition may hold more than was read
    const horizon = parts.reduce<string | undefined>(
      (nearest, part) =>
        part.horizon !== undefined && (nearest === undefined || isBefore(part.horizon, nearest))
          ? part.horizon
          : nearest,
      undefined,
    );
    const all = parts
      .flatMap(({ entries }) => entries)
      .filter(({ key, kept }) => kept && (last === undefined || isBefore(last, key)))
      .filter(({ key }) => horizon === undefined || !isBefore(horizon, key))
      .sort((a, b) => (isBefore(a.key, b.key) ? -1 : 1));
    return { all, horizon };
  };
  const isDropping = ranges.some(({ keeps }) => keeps);
  const share = isDropping ? limit : Math.min(limit, shareOf(limit, ranges.flatMap((one) => one.partitions).length));
  let { all, horizon } = merge(await readParts(share));
  if (share < limit && all.length < limit && horizon !== undefined) ({ all, horizon } = merge(await readParts(limit)));
  const given = first(all, limit);
  const isCut = all.length > given.length;
  const position = isCut || given.length === limit ? given.at(-1)?.key : horizon;
  const more = position !== undefined && (isCut || horizon !== undefined);
  return { results: given.map(({ item }) => item), next: more ? await nextPath(call, position, reads) : null };
}

/** A page of a list that is at hand whole, in ascending order of its unique sort keys; a cursor is the last one given. */
export async function slicePage<T>(call: ListCall, all: T[], sortKey: (item: T) => string) {
  const { limit } = call.query;
  const last = (await positionOf(call)) as string | undefined;
  const rest = last === undefined ? all : all.filter((item) => sortKey(item) > last);
  const results = first(rest, limit);
  const lastGiven = results.at(-1);
  return { results, next: lastGiven && rest.length > results.length ? await nextPath(call, sortKey(lastGiven)) : null };
}
