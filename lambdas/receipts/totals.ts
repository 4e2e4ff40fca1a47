import { createHash } from 'node:crypto';
import * as z from 'zod';
import { fromUnits, toUnits } from '../kernel/money';
import { type Key, table, type Write } from '../kernel/table';
import type { NewReceipt } from './schema';

/**
 * Whole numbers by name: `purchases`, and in cents `amount`, `nds`, `tips`; for each category `s:<category>` spent in cents,
 * `q:<category>` quantity and `p:<category>` receipts that have it. Flat, so that a total is one item that DynamoDB adds to.
 */
export type Sums = Record<string, number>;

/** The hour of a time, as keys have it: `2026-01-31T12`. */
export const hourOf = (timestamp: string): string => timestamp.slice(0, 13);

export const toCents = (money: string): number => Number(toUnits(money) / 100n);
export const fromCents = (cents: number): string => fromUnits(BigInt(cents) * 100n);

/** One of the sums; 0 when nothing was added to it. */
export const of = (sums: Sums, name: string): number => sums[name] ?? 0;

/** Adds to sums in place. */
export function add(sums: Sums, more: Sums): Sums {
  for (const [name, value] of Object.entries(more)) sums[name] = of(sums, name) + value;
  return sums;
}

/** What one receipt adds to each total that it belongs to. */
export function sumsOf({ total_amount, nds_amount, tips_amount, items }: NewReceipt): Sums {
  const sums: Sums = {
    purchases: 1,
    amount: toCents(total_amount),
    nds: toCents(nds_amount),
    tips: toCents(tips_amount),
  };
  for (const { category, price, quantity } of items) {
    add(sums, { [`s:${category}`]: toCents(price) * quantity, [`q:${category}`]: quantity });
    sums[`p:${category}`] = 1;
  }
  return sums;
}

/** The total over all places is kept as one of a place without an id. */
export const ALL_PLACES = '';

/**
 * Each total of a place and hour is the sum of up to four items: lanes that count the same place do not write the same
 * item, so they neither wait for each other nor take more than a part of a partition's write units.
 */
const PARTS = 4;
export const partOf = (lane: string): string => String(createHash('md5').update(lane).digest().readUInt8() % PARTS);

export const partition = (placeId: string): string => `TOTALS#${placeId}`;
export const hourKey = (placeId: string, hour: string, part: string): Key => ({
  pk: partition(placeId),
  sk: `HOUR#${hour}#${part}`,
});
/** A day's total is one item unless it has very many categories. */
export const dayKey = (placeId: string, day: string, part = 0): Key => ({
  pk: partition(placeId),
  sk: `DAY#${day}${part ? `#${part}` : ''}`,
});

/** Sums as several of so many names at the most, in their order; at least one. */
export function* inPieces(sums: Sums, names: number): Generator<[piece: number, sums: Sums]> {
  const all = Object.entries(sums);
  for (let start = 0; start === 0 || start < all.length; start += names) {
    yield [start / names, Object.fromEntries(all.slice(start, start + names))];
  }
}

/** DynamoDB takes 300 operands and 4 KB of text in an update. */
const NAMES_A_WRITE = 200;
/** How many writes add so many names to an hour. */
export const writesOf = (names: number): number => Math.ceil(names / NAMES_A_WRITE);

/** Adds to a total: one write for 65 categories, to items of their own beyond. `purchases` is always in the first. */
export const addToHour = (placeId: string, hour: string, part: string, sums: Sums): Write[] =>
  [...inPieces(sums, NAMES_A_WRITE)].map(([piece, some]) =>
    table().update(hourKey(placeId, hour, piece ? `${part}.${piece}` : part), { add: some }),
  );

/** Says that the totals of an hour changed since it was last closed; what it holds is another with each change. */
export const CHANGED = 'CHANGED';
export const markChanged = (hour: string, lane: string, token: string): Write =>
  table().put({ pk: CHANGED, sk: `${hour}#${lane}`, token });

const TotalItem = z.object({ pk: z.string(), sk: z.string() }).catchall(z.number());

export interface Total {
  /** `HOUR#2026-01-31T12#0` or `DAY#2026-01-31`. */
  sk: string;
  sums: Sums;
}

/**
 * The totals of a place within a range of sort keys, oldest first. Reads the range: one call per MB of it.
 * @param spend told of each call's totals; ends the reading when it throws
 */
export async function readTotals(
  placeId: string,
  from: string,
  to: string,
  spend: (totals: Total[]) => void = () => undefined,
): Promise<Total[]> {
  const totals: Total[] = [];
  let startKey: Record<string, unknown> | undefined;
  do {
    const range = { partition: partition(placeId), from, to, ascending: true, startKey, consistent: true };
    const { items, lastKey } = await table().query(TotalItem, range);
    const some = items.map(({ pk: _, sk, ...sums }) => ({ sk, sums: sums as Sums }));
    spend(some);
    totals.push(...some);
    startKey = lastKey;
  } while (startKey);
  return totals;
}

const Mark = z.object({ sk: z.string(), token: z.string() });
export interface Mark {
  hour: string;
  lane: string;
  token: string;
}

/** The marks of changed hours between two texts, inclusive. */
export async function readMarks(from: string, to: string): Promise<Mark[]> {
  const marks: Mark[] = [];
  let startKey: Record<string, unknown> | undefined;
  do {
    const { items, lastKey } = await table().query(Mark, {
      partition: CHANGED,
      from,
      to,
      ascending: true,
      startKey,
      consistent: true,
    });
    marks.push(...items.map(({ sk, token }) => ({ hour: sk.slice(0, 13), lane: sk.slice(14), token })));
    startKey = lastKey;
  } while (startKey);
  return marks;
}
