import { timestamp } from '../kernel/clock';
import { ConditionFailed, commit } from '../kernel/commit';
import { log } from '../kernel/log';
import { inParallel } from '../kernel/parallel';
import { table, type Write } from '../kernel/table';
import { holdsLock } from './closing-lock';
import type { ClosedHour, Difference } from './closing-schema';
import { allPlaceIds } from './places';
import { AT_ONCE, inParts } from './receipts';
import { type Recomputed, recompute } from './recompute';
import {
  ALL_PLACES,
  add,
  CHANGED,
  dayKey,
  fromCents,
  hourKey,
  inPieces,
  type Mark,
  of,
  partition,
  readMarks,
  readTotals,
  type Sums,
  type Total,
} from './totals';

export const CLOSED = 'CLOSED';

/** What closing an hour has found. */
export interface Closing {
  receipts: number;
  differences: Difference[];
  missing: string[];
}

const readHour = (place: string, hour: string): Promise<Total[]> =>
  readTotals(place, `HOUR#${hour}#`, `HOUR#${hour}#~`);

const sumOf = (totals: Total[]): Sums => totals.reduce<Sums>((sums, total) => add(sums, total.sums), {});

const isSame = (one: Sums, other: Sums): boolean =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].every((name) => of(one, name) === of(other, name));

const marksOf = (hour: string): Promise<Mark[]> => readMarks(`${hour}#`, `${hour}#~`);

const areSame = (marks: Mark[], others: Mark[]): boolean => JSON.stringify(marks) === JSON.stringify(others);

const shown = (sums: Sums) => ({
  purchases: of(sums, 'purchases'),
  total_amount: fromCents(of(sums, 'amount')),
  total_nds: fromCents(of(sums, 'nds')),
  total_tips: fromCents(of(sums, 'tips')),
});

const startOf = (hour: string): string => `${hour}:00:00.000Z`;

interface Wrong {
  place: string;
  totals: Total[];
  right: Sums;
}

async function compare(places: Iterable<string>, hour: string, recomputed: Recomputed): Promise<Wrong[]> {
  const wrong: Wrong[] = [];
  await inParallel(AT_ONCE, [...places], async (place) => {
    const totals = await readHour(place, hour);
    const right = recomputed.places.get(place) ?? {};
    if (!isSame(sumOf(totals), right)) wrong.push({ place, totals, right });
  });
  return wrong;
}

/** All totals of the hour that are wrong; places without receipts in it are looked at only when the sum over all differs. */
async function findWrong(hour: string, recomputed: Recomputed): Promise<Wrong[]> {
  const wrong = await compare(new Set([ALL_PLACES, ...recomputed.places.keys()]), hour, recomputed);
  if (!wrong.length) return wrong;
  const others = (await allPlaceIds()).filter((place) => !recomputed.places.has(place));
  return [...wrong, ...(await compare(others, hour, recomputed))];
}

const isStill = ({ hour, lane, token }: Mark) =>
  [{ pk: CHANGED, sk: `${hour}#${lane}` }, { equals: { token } }] as const;

/** DynamoDB takes 400 KB in an item; a name with its number has at most 410 bytes. */
const NAMES_AN_ITEM = 900;

/**
 * One total becomes one item with the right sums, on the condition that nothing was added since it was read: whatever adds
 * to a total adds to `purchases` of its part.
 */
function repair({ place, totals, right }: Wrong, hour: string): Write[] {
  const counted = new Map(totals.map(({ sk, sums }) => [sk, sums['purchases']]));
  const still = (sk: string) => ({ equals: { purchases: counted.get(sk) } });
  const items = [...inPieces(right, NAMES_AN_ITEM)].map(([piece, sums]) => ({
    ...hourKey(place, hour, piece ? `0.${piece}` : '0'),
    ...sums,
  }));
  const kept = new Set(items.map(({ sk }) => sk));
  const others = [...counted.keys()].filter((sk) => !kept.has(sk));
  return [
    ...items.map((item) => table().put(item, still(item.sk))),
    ...others.map((sk) => table().delete({ pk: partition(place), sk }, still(sk))),
  ];
}

/** DynamoDB takes 100 writes and 4 MB in a transaction. */
const MAX_WRITES = 90;
const MAX_NAMES = 8_000;

/** Writes in as few transactions as they fit into, each only while the lock is held. */
async function commitHolding(owner: string, writes: Write[]): Promise<void> {
  let part: Write[] = [];
  let names = 0;
  for (const write of writes) {
    const more = Object.keys(write.Put?.Item ?? {}).length;
    if (part.length === MAX_WRITES || (part.length && names + more > MAX_NAMES)) {
      await commit({ writes: [holdsLock(owner), ...part] });
      part = [];
      names = 0;
    }
    part.push(write);
    names += more;
  }
  if (part.length) await commit({ writes: [holdsLock(owner), ...part] });
}

/** A place's total of a day, from its hours. Of a total that was repaired, what may be left of a larger one goes. */
async function dayOf(place: string, day: string, isRepaired: boolean): Promise<Write[]> {
  const [hours, before] = await Promise.all([
    readTotals(place, `HOUR#${day}T`, `HOUR#${day}T~`),
    isRepaired ? readTotals(place, `DAY#${day}`, `DAY#${day}~`) : [],
  ]);
  const items = [...inPieces(sumOf(hours), NAMES_AN_ITEM)].map(([piece, sums]) => ({
    ...dayKey(place, day, piece),
    ...sums,
  }));
  const kept = new Set(items.map(({ sk }) => sk));
  const left = before.filter(({ sk }) => !kept.has(sk));
  return [
    ...items.map((item) => table().put(item)),
    ...left.map(({ sk }) => table().delete({ pk: partition(place), sk })),
  ];
}

/** The day's totals of the places in the hour, each as one item for reads over long periods. */
async function rollUp(places: Iterable<string>, repaired: Set<string>, hour: string, owner: string): Promise<void> {
  await inParts([...places], MAX_WRITES, async (part) => {
    const days = await Promise.all(part.map((place) => dayOf(place, hour.slice(0, 10), repaired.has(place))));
    await commitHolding(owner, days.flat());
  });
}

async function closeOnce(
  hour: string,
  owner: string,
  until: number,
  differences: Map<string, Difference>,
): Promise<Closing | undefined> {
  const marks = await marksOf(hour);
  const recomputed = await recompute(hour, until);
  const wrong = await findWrong(hour, recomputed);
  if (!areSame(marks, await marksOf(hour))) return undefined;
  const { receipts, missing, places, transactionIds } = recomputed;
  for (const one of wrong) {
    const { place, totals, right } = one;
    log('error', 'totals differ from the receipts, repairing', { hour, place_id: place });
    await commit({ writes: [holdsLock(owner), ...repair(one, hour)] });
    differences.set(place, {
      hour: startOf(hour),
      place_id: place || null,
      counted: shown(sumOf(totals)),
      recomputed: shown(right),
      transaction_ids: transactionIds.get(place) ?? [],
    });
  }
  const repaired = new Set(differences.keys());
  await rollUp(new Set([ALL_PLACES, ...places.keys(), ...repaired]), repaired, hour, owner);
  const record: Omit<ClosedHour, 'run'> = {
    hour: startOf(hour),
    closed_at: timestamp(),
    ...shown(places.get(ALL_PLACES) ?? {}),
    differences: [...differences.values()].slice(0, 20),
    missing: missing.slice(0, 100),
  };
  // the marks last: a run that ends before leaves the hour to the next one
  await commitHolding(owner, [
    table().put({ pk: CLOSED, sk: hour, run: owner, ...record }),
    ...marks.map((mark) => table().delete(...isStill(mark))),
  ]);
  return { receipts, differences: [...differences.values()], missing };
}

const TRIES = 3;

/**
 * Closes one hour: recomputes its totals from its receipts, repairs those that differ, brings its day's totals up to date,
 * and writes the hour's sums and taxes as a record. Whatever is counted in the hour meanwhile makes it start again: the
 * marks are another then. @returns undefined when the hour kept changing, for the next run
 * @throws when its receipts are not read by `until`, the machine's time
 */
export async function closeHour(hour: string, owner: string, until: number): Promise<Closing | undefined> {
  const differences = new Map<string, Difference>();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      const closing = await closeOnce(hour, owner, until, differences);
      if (closing) return closing;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }
  return undefined;
}
