import { isUtf8 } from 'node:buffer';
import { ConditionFailed } from '../kernel/commit';
import { newId } from '../kernel/id';
import { log } from '../kernel/log';
import type { ShardRecord } from '../kernel/stream';
import type { Write } from '../kernel/table';
import { commitTotals } from './commit-totals';
import { append, type JournalEntry } from './journal';
import { findLane, isAfter, moveCheckpoint, type Outcomes } from './lanes';
import { rememberPlaces } from './places';
import { hashOf, type Incoming, insertReceipts } from './receipts';
import { NewReceipt } from './schema';
import { setAside } from './set-aside';
import { ALL_PLACES, add, addToHour, hourOf, markChanged, type Sums, sumsOf, writesOf } from './totals';

interface Read {
  entry: JournalEntry;
  /** Undefined for poison, which has a reason instead. */
  incoming?: Incoming;
  reason?: string;
}

/** A record with what became of it. */
interface Judged {
  sequence: string;
  outcome: keyof Outcomes;
  /** What adds to totals: undefined unless it counts. */
  receipt: NewReceipt | undefined;
}

/** Another run has counted a part of the batch in the meantime. */
class CheckpointMoved extends Error {
  override readonly name = 'CheckpointMoved';
}

/** The receipt that a text is. @throws what is wrong with it */
function parse(text: string): { receipt: NewReceipt; hash: string } {
  const { data, error } = NewReceipt.safeParse(JSON.parse(text));
  if (data) return { receipt: data, hash: hashOf(data) };
  const [issue] = error.issues;
  throw new Error(`not a receipt: ${issue?.path.join('.')} ${issue?.message}`);
}

/** Never throws: whatever a record holds, it must not stop those behind it. */
function read(lane: string, { sequence, arrived_at, data }: ShardRecord): Read {
  const line = { sequence, arrived_at, timestamp: undefined };
  if (!isUtf8(data)) return { entry: { ...line, data: data.toString('base64'), base64: true }, reason: 'not UTF-8' };
  const text = data.toString('utf8');
  try {
    const { receipt, hash } = parse(text);
    const entry = { ...line, data: text, timestamp: receipt.timestamp };
    return { entry, incoming: { receipt, hash, lane, sequence, arrived_at } };
  } catch (error) {
    return { entry: { ...line, data: text }, reason: (error as Error).message };
  }
}

/**
 * Stores each receipt that is new and says what became of each record. A receipt that is there already counts when this
 * very record made it (then an earlier try of the batch did), else it is a repeat.
 */
async function judge(shard: string, records: Read[]): Promise<Judged[]> {
  const firsts = new Map<string, Incoming>();
  for (const { incoming } of records) {
    const id = incoming?.receipt.transaction_id;
    if (incoming && id !== undefined && !firsts.has(id)) firsts.set(id, incoming);
  }
  const existing = await insertReceipts([...firsts.values()]);
  const judged: Judged[] = [];
  for (const { entry, incoming, reason } of records) {
    const { sequence } = entry;
    const id = incoming?.receipt.transaction_id ?? '';
    const maker = existing.get(id) ?? firsts.get(id);
    if (incoming && maker?.lane === shard && maker.sequence === sequence) {
      judged.push({ sequence, outcome: 'counted', receipt: incoming.receipt });
    } else if (incoming && maker?.hash === incoming.hash) {
      judged.push({ sequence, outcome: 'duplicate', receipt: undefined });
    } else {
      await setAside(shard, entry, reason ?? `another receipt has the transaction_id ${id}`);
      judged.push({ sequence, outcome: 'set_aside', receipt: undefined });
    }
  }
  return judged;
}

/** DynamoDB takes 100 writes and 4 MB in a transaction; a name has at most 400 bytes. */
const MAX_WRITES = 95;
const MAX_NAMES = 8_000;

/** What a batch adds to a total. */
interface Bucket {
  sums: Sums;
  names: number;
}

interface Chunk {
  records: Judged[];
  /** By hour, then by place; the sum over all places among them. */
  hours: Map<string, Map<string, Bucket>>;
  /** Into the list of receipts: of all that the batch appended to the journal. */
  arrivals: Write[];
  writes: number;
  names: number;
}

const newChunk = (arrivals: Write[] = []): Chunk => ({
  records: [],
  hours: new Map(),
  arrivals,
  writes: 1 + arrivals.length,
  names: 0,
});

/** Adds a receipt to its place's total and to the sum over all places, unless the chunk's transaction would be too large then. */
function fits(chunk: Chunk, { place_id, timestamp }: NewReceipt, more: Sums): boolean {
  const hour = hourOf(timestamp);
  const places = chunk.hours.get(hour) ?? new Map<string, Bucket>();
  const grown = [place_id, ALL_PLACES].map((place) => {
    const { sums, names } = places.get(place) ?? { sums: {}, names: 0 };
    const news = Object.keys(more).filter((name) => sums[name] === undefined).length;
    return { place, sums, names: names + news, news, writes: writesOf(names + news) - writesOf(names) };
  });
  // a new hour has its mark
  const writes = grown.reduce((sum, one) => sum + one.writes, chunk.writes + (places.size ? 0 : 1));
  const names = grown.reduce((sum, { news }) => sum + news, chunk.names);
  if (chunk.records.length && (writes > MAX_WRITES || names > MAX_NAMES)) return false;
  for (const { place, sums, names } of grown) places.set(place, { sums: add(sums, more), names });
  chunk.hours.set(hour, places);
  Object.assign(chunk, { writes, names });
  return true;
}

/** Cuts a batch, in order, where its totals would no longer fit into one transaction. */
function cut(records: Judged[], arrivals: Write[]): Chunk[] {
  let chunk = newChunk(arrivals);
  const chunks = [chunk];
  for (const record of records) {
    const { receipt } = record;
    if (receipt) {
      const sums = sumsOf(receipt);
      if (!fits(chunk, receipt, sums)) {
        chunk = newChunk();
        chunks.push(chunk);
        fits(chunk, receipt, sums);
      }
    }
    chunk.records.push(record);
  }
  return chunks;
}

const tally = (records: Judged[]): Outcomes => {
  const counts: Outcomes = { counted: 0, duplicate: 0, set_aside: 0 };
  for (const { outcome } of records) counts[outcome]++;
  return counts;
};

/** The totals of a chunk and the checkpoint behind it: all or nothing. @throws CheckpointMoved */
async function commitChunk(
  shard: string,
  { records, hours, arrivals }: Chunk,
  from: string | undefined,
  journaled: string | undefined,
): Promise<string> {
  const to = records.at(-1)?.sequence ?? '';
  const move = { from, to, journaled, outcomes: tally(records), records: records.length };
  const writes = (part: string): Write[] => [
    moveCheckpoint(shard, move),
    ...arrivals,
    ...[...hours].flatMap(([hour, places]) => [
      markChanged(hour, shard, newId()),
      ...[...places].flatMap(([place, { sums }]) => addToHour(place, hour, part, sums)),
    ]),
  ];
  try {
    await commitTotals(shard, (part) => ({ writes: writes(part) }));
  } catch (error) {
    if (error instanceof ConditionFailed) throw new CheckpointMoved();
    throw error;
  }
  return to;
}

async function countOnce(shard: string, batch: ShardRecord[]): Promise<void> {
  const lane = await findLane(shard);
  const records = batch.filter(({ sequence }) => isAfter(sequence, lane?.sequence)).map((one) => read(shard, one));
  if (!records.length) return;
  const news = records.flatMap(({ entry }) => (isAfter(entry.sequence, lane?.journaled) ? [entry] : []));
  const arrivals = await append(shard, news);
  const journaled = news.at(-1)?.sequence ?? lane?.journaled;
  const judged = await judge(shard, records);
  await rememberPlaces(judged.flatMap(({ receipt }) => receipt ?? []));
  let from = lane?.sequence;
  for (const chunk of cut(judged, arrivals)) from = await commitChunk(shard, chunk, from, journaled);
  log('info', 'counted', { shard, ...tally(judged) });
}

const TRIES = 5;

/**
 * Counts a batch of a shard, in the shard's order, exactly once whatever is given again and however it is cut then.
 * Cost: a write unit per KB of each receipt; two for each place in each hour, for each hour's sum and mark, and for the
 * checkpoint; one object in the journal. See docs/receipts.md.
 */
export async function countBatch(shard: string, batch: ShardRecord[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await countOnce(shard, batch);
    } catch (error) {
      if (!(error instanceof CheckpointMoved) || attempt === TRIES) throw error;
    }
  }
}
