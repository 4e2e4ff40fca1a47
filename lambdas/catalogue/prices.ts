import * as z from 'zod';
import { now } from '../kernel/clock';
import type { Handler } from '../kernel/http';
import { invalid } from '../kernel/problem';
import { table, type Write } from '../kernel/table';
import type { Operations } from './contract';
import { unobserved } from './observation';
import {
  daysBefore,
  type Lowest,
  lowestBefore,
  lowestSeries,
  mergeSpans,
  OMNIBUS_DAYS,
  offerSeries,
  pointsOf,
  type Snapshot,
  stepsBack,
} from './price-history';
import { getStored } from './products';
import { findWatch } from './watch';

const history = table();

const StoredSnapshot = z.object({
  at: z.string(),
  run: z.string().nullable(),
  prices: z.record(z.string(), z.string()),
  lowest: z.string().nullable(),
});

const partitionOf = (product: string): string => `PRODUCT#${product}`;
const PREFIX = 'PRICES#';

/** The write of the prices in force from now on. One item an observation, only when a price in it is another than before. */
export const snapshotWrite = (product: string, snapshot: Snapshot): Write =>
  history.put({ pk: partitionOf(product), sk: PREFIX + snapshot.at, ...snapshot }, { exists: false });

const LOWEST = 'LOWEST#';

/** The write of the lowest price from now on: 150 bytes whatever the number of offers, from the first observation on. */
export const lowestWrite = (product: string, { at, run, lowest }: Lowest): Write =>
  history.put({ pk: partitionOf(product), sk: LOWEST + at, at, run, lowest }, { exists: false });

/** Queries of a megabyte for what is given: two seconds. */
const MOST_QUERIES = 30;

const tooMuch = () => invalid([{ path: 'from', message: 'too much has changed since: ask for less time' }]);

/** What was in force at a time. One read. */
async function snapshotAt(product: string, at: string): Promise<Snapshot | undefined> {
  const range = { partition: partitionOf(product), from: PREFIX, to: PREFIX + at, limit: 1 };
  return (await history.query(StoredSnapshot, range)).items[0];
}

/**
 * What changed in a period, or in as much of its end as an answer holds: it begins `since` then. A query a megabyte, newest
 * first, and one for what was in force at its start.
 */
async function changesIn(product: string, from: string, to: string) {
  const { add, gathered } = stepsBack();
  const range = { partition: partitionOf(product), from: `${PREFIX}${from}\u0000`, to: PREFIX + to };
  let startKey: Record<string, unknown> | undefined;
  for (let queries = 0; queries < MOST_QUERIES; queries++) {
    const { items, lastKey } = await history.query(StoredSnapshot, { ...range, startKey });
    const isWhole = items.every(add) && (lastKey !== undefined || add(await snapshotAt(product, from)));
    if (!isWhole) break;
    if (!lastKey) return { ...gathered(), since: from };
    startKey = lastKey;
  }
  const { start, steps } = gathered();
  return { start, steps, since: start?.at ?? from };
}

const StoredLowest = StoredSnapshot.omit({ prices: true });

/** Queries of a megabyte for lowest prices; those of a month that changed each minute are 7 MB. */
const MOST_LOWEST_QUERIES = 30;

/** The lowest prices that items of a kind tell of a period, oldest first, and before them the one in force at its start. */
async function lowestOf(kind: string, product: string, from: string, to: string): Promise<Lowest[]> {
  const partition = partitionOf(product);
  const found = (await history.query(StoredLowest, { partition, from: kind, to: kind + from, limit: 1 })).items;
  const range = { partition, from: `${kind}${from}\u0000`, to: kind + to, ascending: true };
  let startKey: Record<string, unknown> | undefined;
  for (let queries = 0; queries < MOST_LOWEST_QUERIES; queries++) {
    const { items, lastKey } = await history.query(StoredLowest, { ...range, startKey });
    found.push(...items);
    if (!lastKey) return found;
    startKey = lastKey;
  }
  throw tooMuch();
}

/**
 * The lowest prices of a period and the one in force at its start. A query of one item, and one a megabyte of what changed:
 * seven for a month of changes each minute. As many of the snapshots for the time before lowest prices were kept apart.
 */
async function lowestIn(product: string, from: string, to: string): Promise<Lowest[]> {
  const found = await lowestOf(LOWEST, product, from, to);
  const [first] = found;
  if (first && first.at <= from) return found;
  return [...(await lowestOf(PREFIX, product, from, first?.at ?? to)), ...found];
}

const PERIOD_DAYS = 30;
const MINUTE_MS = 60_000;

/** The end of the current minute, so that answers within it are the same and need not be sent again. */
const thisMinute = (): string => new Date((Math.floor(now().getTime() / MINUTE_MS) + 1) * MINUTE_MS).toISOString();

/**
 * How prices moved. Of a period whose start was not asked for, the end is given as far as an answer holds it. Reads back 30
 * days before what is given, and before the date asked for.
 */
export const getPrices: Handler<Operations['getPrices']> = async ({ params: { id }, query }) => {
  const { to = thisMinute() } = query;
  const { from = daysBefore(to, PERIOD_DAYS), before = to } = query;
  if (from >= to) throw invalid([{ path: 'from', message: 'must be before the end of the period' }]);
  const watch = await findWatch(id);
  if (!watch) await getStored(id);
  const gaps = await unobserved(watch, from, to);
  const { start, steps, since } = await changesIn(id, gaps.since, to);
  if (query.from !== undefined && since > from) throw tooMuch();
  const lowest = pointsOf([...(await lowestIn(id, daysBefore(since, OMNIBUS_DAYS), since)), ...steps]);
  const isInside = before >= since && before <= to;
  const around = isInside ? lowest : pointsOf(await lowestIn(id, daysBefore(before, OMNIBUS_DAYS), before));
  return {
    product: id,
    from: since,
    to,
    offers: offerSeries(start, steps),
    lowest: lowestSeries(lowest, since),
    lowest_30_days: { before, price: lowestBefore(around, [before])[0] ?? null },
    unobserved: mergeSpans(gaps.spans, { from: since, to }),
  };
};
