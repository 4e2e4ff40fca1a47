import type * as z from 'zod';
import { table } from '../kernel/table';
import { readAnnounced } from './announced';
import { CLOSED } from './close-hour';
import { type Books, ClosedHour } from './closing-schema';
import { isDoor } from './door';
import { type Lane, listLanes } from './lanes';
import { transactionIdOf } from './receipts';
import { listShards, readAfter } from './stream';

const IDS_AT_MOST = 100;
const HOURS = 24;
/** What the look into the stream may take of the ten seconds of a call. */
const LOOK_MS = 2_000;

const sumOf = (lanes: Lane[], field: 'records' | 'counted' | 'duplicate' | 'set_aside'): number =>
  lanes.reduce((sum, lane) => sum + lane[field], 0);

/**
 * What came in against what became of it. Each shard's outcomes are written with its checkpoint, and what waits is read
 * from the stream behind that very checkpoint: the two sides agree at any time. What senders were told is a third,
 * independent count, read first: it can only be too low then. Cost: a query each for lanes, counters and hours, two calls
 * to the stream for each shard, more when much is waiting (beyond ten calls a shard or two seconds the rest is reckoned).
 */
export async function books(): Promise<z.input<typeof Books>> {
  const announced = await readAnnounced();
  const [lanes, names, closed] = await Promise.all([
    listLanes(),
    listShards(),
    table().query(ClosedHour, { partition: CLOSED, limit: HOURS }),
  ]);
  const until = Date.now() + LOOK_MS;
  const shards = await Promise.all(
    names.map(async (shard) => {
      const sequence = lanes.find(({ sk }) => sk === shard)?.sequence;
      return { shard, sequence: sequence ?? null, ...(await readAfter(shard, sequence, { until, most: IDS_AT_MOST })) };
    }),
  );
  const streamed = sumOf(
    lanes.filter(({ sk }) => !isDoor(sk)),
    'records',
  );
  const found = shards.reduce((sum, shard) => sum + shard.found, 0);
  const waiting = shards.every(({ all }) => all) ? found : Math.max(found, announced - streamed);
  const lost = Math.max(0, announced - streamed - waiting);
  return {
    accepted: sumOf(lanes, 'records') + waiting,
    counted: sumOf(lanes, 'counted'),
    duplicate: sumOf(lanes, 'duplicate'),
    set_aside: sumOf(lanes, 'set_aside'),
    waiting,
    waiting_ids: shards
      .flatMap(({ first }) => first.map((text) => transactionIdOf(text) ?? '(no receipt)'))
      .slice(0, IDS_AT_MOST),
    announced,
    lost,
    balanced: lost === 0 && closed.items.every(({ differences, missing }) => !differences.length && !missing.length),
    shards: shards.map(({ shard, sequence, found }) => ({ shard, sequence, waiting: found })),
    hours: closed.items,
  };
}

/** Two queries: without a look into the stream. */
export async function countReceipts() {
  const [announced, lanes] = await Promise.all([readAnnounced(), listLanes()]);
  return {
    announced,
    counted: sumOf(lanes, 'counted'),
    duplicate: sumOf(lanes, 'duplicate'),
    set_aside: sumOf(lanes, 'set_aside'),
  };
}
