import * as z from 'zod';
import { shards } from '../kernel/id';
import { type Range, table } from '../kernel/table';
import { Client, type Filter } from './schema';

export const clients = table();
export const CLIENTS = 'CLIENTS';
export const byTag = (tag: string): string => `TAG#${tag}`;
export const byOperator = (code: string): string => `OPERATOR#${code}`;

const listOf = (value: string | string[] | undefined): string[] | undefined =>
  value === undefined ? undefined : [...new Set([value].flat())].sort();

/** A part of the clients that one index partition holds in one piece, sorted by `prefix` and id. */
export interface Segment extends Pick<Range, 'index' | 'partition'> {
  index: 'gsi1' | 'gsi2' | 'gsi3';
  /** Before the id in the sort key: the operator's code where a tag's clients are sorted by it. */
  prefix: string;
}

/** The segments that together hold just the clients of a filter, none twice: nothing is read that is not wanted. */
export function segmentsOf(filter: Pick<Filter, 'tag' | 'operator_code'>): Segment[] {
  const tags = listOf(filter.tag);
  const operators = listOf(filter.operator_code);
  if (tags) {
    return tags.flatMap((tag) =>
      shards(byTag(tag)).flatMap((partition) =>
        (operators ?? ['']).map((code): Segment => ({ index: 'gsi2', partition, prefix: code && `${code}#` })),
      ),
    );
  }
  if (operators) {
    return operators.flatMap((code) =>
      shards(byOperator(code)).map((partition): Segment => ({ index: 'gsi3', partition, prefix: '' })),
    );
  }
  return shards(CLIENTS).map((partition): Segment => ({ index: 'gsi1', partition, prefix: '' }));
}

/** How far an audience was read: the segment, and the key within it. */
export const Cursor = z.object({ segment: z.int(), key: z.record(z.string(), z.unknown()).optional() });
export type Cursor = z.output<typeof Cursor>;

/** The next clients of an audience, at most `limit`, and where to go on; no cursor when it has ended. */
export async function nextClients(
  filter: Filter,
  cursor: Cursor,
  limit: number,
): Promise<{ found: Client[]; cursor: Cursor | undefined }> {
  const segments = segmentsOf(filter);
  const found: Client[] = [];
  let { segment, key }: Cursor = cursor;
  while (found.length < limit) {
    const range = segments[segment];
    if (!range) return { found, cursor: undefined };
    const { index, partition, prefix } = range;
    const { items, lastKey } = await clients.query(Client, {
      index,
      partition,
      ...(prefix && { prefix }),
      ascending: true,
      limit: limit - found.length,
      startKey: key,
    });
    found.push(...items);
    key = lastKey;
    if (!lastKey) segment += 1;
  }
  return { found, cursor: { segment, key } };
}

const CLIENTS_A_CALL = 1_000;

/**
 * How many clients a filter has in each zone. Reads the audience by key, all its segments at once, a page of each in
 * memory; stops when the time is over, and says so.
 */
export async function countZones(
  filter: Filter,
  until: number,
): Promise<{ zones: Map<string, number>; exact: boolean }> {
  const zones = new Map<string, number>();
  let exact = true;
  const count = async ({ index, partition, prefix }: Segment): Promise<void> => {
    let startKey: Record<string, unknown> | undefined;
    do {
      const { items, lastKey } = await clients.query(Client.pick({ timezone: true }), {
        index,
        partition,
        ...(prefix && { prefix }),
        limit: CLIENTS_A_CALL,
        startKey,
      });
      for (const { timezone } of items) zones.set(timezone, (zones.get(timezone) ?? 0) + 1);
      startKey = lastKey;
      if (startKey && Date.now() > until) exact = false;
    } while (startKey && exact);
  };
  const segments = segmentsOf(filter);
  const AT_ONCE = 16;
  for (let start = 0; start < segments.length; start += AT_ONCE) {
    await Promise.all(segments.slice(start, start + AT_ONCE).map(count));
  }
  return { zones, exact };
}
