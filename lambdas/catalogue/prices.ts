import * as z from 'zod';
import { now } from '../kernel/clock';
import type { Handler } from '../kernel/http';
import { invalid } from '../kernel/problem';
import { table, type Write } from '../kernel/table';
import type { Operations } from './contract';
import { unobserved } from './observation';
import { daysBefore, OMNIBUS_DAYS, priceSeries, type Snapshot } from './price-history';
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

/** Changes that are read for one answer, some fifteen queries, and those that it may hold: Lambda answers 6 MB. */
const MOST_READ = 50_000;
const MOST_GIVEN = 15_000;

const tooMany = (most: number) => invalid([{ path: 'from', message: `more than ${most} changes: ask for less time` }]);

/** What was in force at `from`, and every change up to `to`. A query a megabyte, some 4,000 changes, and one more. */
async function snapshots(product: string, from: string, to: string): Promise<Snapshot[]> {
  const partition = partitionOf(product);
  const { items: before } = await history.query(StoredSnapshot, {
    partition,
    from: PREFIX,
    to: PREFIX + from,
    limit: 1,
  });
  const found: Snapshot[] = [];
  let startKey: Record<string, unknown> | undefined;
  do {
    const range = { partition, from: `${PREFIX}${from}\u0000`, to: PREFIX + to, ascending: true, startKey };
    const { items, lastKey } = await history.query(StoredSnapshot, range);
    found.push(...items);
    startKey = lastKey;
    if (found.length > MOST_READ) throw tooMany(MOST_READ);
  } while (startKey);
  return [...before, ...found];
}

const PERIOD_DAYS = 30;
const MINUTE_MS = 60_000;

/** The end of the current minute, so that answers within it are the same and need not be sent again. */
const thisMinute = (): string => new Date((Math.floor(now().getTime() / MINUTE_MS) + 1) * MINUTE_MS).toISOString();

/** How prices moved. Reads back 30 days before the period or the date asked for, whichever is earlier. */
export const getPrices: Handler<Operations['getPrices']> = async ({ params: { id }, query }) => {
  const { to = thisMinute() } = query;
  const { from = daysBefore(to, PERIOD_DAYS), before = to } = query;
  if (from >= to) throw invalid([{ path: 'from', message: 'must be before the end of the period' }]);
  const watch = await findWatch(id);
  if (!watch) await getStored(id);
  const start = daysBefore(from < before ? from : before, OMNIBUS_DAYS);
  const [known, gaps] = await Promise.all([
    snapshots(id, start, to > before ? to : before),
    unobserved(watch, from, to),
  ]);
  if (known.filter(({ at }) => at > from).length > MOST_GIVEN) throw tooMany(MOST_GIVEN);
  return { product: id, from, to, ...priceSeries(known, { from, to, before }), unobserved: gaps };
};
