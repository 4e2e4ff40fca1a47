import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { now } from '../kernel/clock';
import { documents } from '../kernel/documents';
import { env } from '../kernel/env';
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

/** Queries of a megabyte for what is given, and for the lowest prices of the 30 days before it: two seconds each. */
const MOST_QUERIES = 30;
const MOST_EARLIER_QUERIES = 100;

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

const StoredLowest = StoredSnapshot.pick({ at: true, run: true, lowest: true });

/** The lowest prices of a period and the one in force at its start. A query a megabyte of history; only these come of it. */
async function lowestIn(product: string, from: string, to: string): Promise<Lowest[]> {
  const before = await snapshotAt(product, from);
  const found: Lowest[] = before ? [before] : [];
  let ExclusiveStartKey: Record<string, unknown> | undefined;
  for (let queries = 0; queries < MOST_EARLIER_QUERIES; queries++) {
    const { Items = [], LastEvaluatedKey } = await documents.send(
      new QueryCommand({
        TableName: env('TABLE_NAME'),
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
        ProjectionExpression: '#at, #run, #lowest',
        ExpressionAttributeNames: { '#at': 'at', '#run': 'run', '#lowest': 'lowest' },
        ExpressionAttributeValues: {
          ':pk': partitionOf(product),
          ':from': `${PREFIX}${from}\u0000`,
          ':to': PREFIX + to,
        },
        ExclusiveStartKey,
      }),
    );
    found.push(...Items.map((item) => StoredLowest.parse(item)));
    ExclusiveStartKey = LastEvaluatedKey;
    if (!ExclusiveStartKey) return found;
  }
  throw tooMuch();
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
