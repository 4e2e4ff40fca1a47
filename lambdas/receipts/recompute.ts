import { inParallel } from '../kernel/parallel';
import { isDoor } from './door';
import { type JournalLine, type JournalObject, journalOf, readObject } from './journal';
import { isAfter, listLanes } from './lanes';
import { AT_ONCE, contentOf, findReceipts } from './receipts';
import { NewReceipt } from './schema';
import { ALL_PLACES, add, hourOf, type Sums, sumsOf } from './totals';

/** What the receipts of an hour themselves say. */
export interface Recomputed {
  /** By place; the sum over all places among them. */
  places: Map<string, Sums>;
  /** At most 100 of each place. */
  transactionIds: Map<string, string[]>;
  receipts: number;
  /** In the journal as counted, but not stored. */
  missing: string[];
}

const MAX_IDS = 100;

function readLine({ data }: JournalLine): NewReceipt | undefined {
  try {
    return NewReceipt.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}

function count({ places, transactionIds }: Recomputed, receipt: NewReceipt): void {
  for (const place of [receipt.place_id, ALL_PLACES]) {
    places.set(place, add(places.get(place) ?? {}, sumsOf(receipt)));
    const ids = transactionIds.get(place) ?? [];
    transactionIds.set(place, ids);
    if (ids.length < MAX_IDS) ids.push(receipt.transaction_id);
  }
}

/**
 * The totals of an hour made anew from its receipts: each is counted at the line of the journal that made it, and only up
 * to the checkpoint of its shard, for what is behind that is stored but not counted yet. Right only when nothing is
 * counted in that hour meanwhile, which the caller sees by its marks. One read for each line of the journal.
 * @throws when it is not done by `until`, the machine's time
 */
export async function recompute(hour: string, until: number): Promise<Recomputed> {
  const checkpoints = new Map((await listLanes()).map(({ sk, sequence }) => [sk, sequence]));
  const result: Recomputed = { places: new Map(), transactionIds: new Map(), receipts: 0, missing: [] };
  // up to where each shard was read: objects overlap when a batch was cut elsewhere on retry
  const readTo = new Map<string, string>();
  const one = async ({ key, lane }: JournalObject): Promise<void> => {
    if (Date.now() > until) throw new Error('it holds more receipts than a run has time for');
    const checkpoint = checkpoints.get(lane);
    const counts = (sequence: string): boolean =>
      isDoor(lane) ||
      (checkpoint !== undefined && !isAfter(sequence, checkpoint) && isAfter(sequence, readTo.get(lane)));
    const all = await readObject(key);
    const lines = all.flatMap((line) => {
      const receipt = counts(line.sequence) ? readLine(line) : undefined;
      return receipt && hourOf(receipt.timestamp) === hour ? [{ ...line, receipt }] : [];
    });
    const last = all.at(-1)?.sequence;
    if (!isDoor(lane) && last !== undefined && isAfter(last, readTo.get(lane))) readTo.set(lane, last);
    const stored = await findReceipts(lines.map(({ receipt }) => receipt.transaction_id));
    for (const { sequence, receipt } of lines) {
      const item = stored.get(receipt.transaction_id);
      if (item?.lane === lane && item.sequence === sequence) {
        result.receipts++;
        count(result, contentOf(item));
      } else if (!item && !isDoor(lane)) result.missing.push(receipt.transaction_id);
    }
  };
  const atDoors: JournalObject[] = [];
  for await (const object of journalOf(hour)) {
    if (isDoor(object.lane)) atDoors.push(object);
    else await one(object);
  }
  // a receipt each, in no order
  await inParallel(AT_ONCE, atDoors, one);
  return result;
}
