import * as z from 'zod';
import { commitIf } from '../kernel/commit';
import { shardOf, shards } from '../kernel/id';
import { type ListCall, mergedPage } from '../kernel/page';
import { inParallel } from '../kernel/parallel';
import { notFound } from '../kernel/problem';
import { table } from '../kernel/table';
import { AT_ONCE, inParts } from './receipts';
import { type NewReceipt, Place } from './schema';

const PLACES = 'PLACES';
const keyOf = (placeId: string) => ({ pk: `PLACE#${placeId}`, sk: 'PLACE' });

const StoredPlace = Place.extend({ named_at: z.string() });
type StoredPlace = z.output<typeof StoredPlace>;

/** What this function's instance has seen stored; most batches need no read. */
const known = new Map<string, StoredPlace>();
const KNOWN_AT_MOST = 20_000;

const isNews = ({ place_id, place_name, timestamp }: NewReceipt, place = known.get(place_id)): boolean =>
  !place || (place.place_name !== place_name && place.named_at < timestamp);

async function store({ place_id, place_name, timestamp }: NewReceipt): Promise<void> {
  const place: StoredPlace = { place_id, place_name, named_at: timestamp };
  const index = { gsi1pk: shardOf(PLACES, place_id), gsi1sk: place_id };
  const write = table().put({ ...keyOf(place_id), ...place, ...index }, { below: { named_at: timestamp } });
  // else a newer receipt has named it
  await commitIf({ writes: [write] });
  known.set(place_id, place);
}

/** Keeps each place with the name on its newest receipt. Costs nothing for places that are known by their name. */
export async function rememberPlaces(receipts: NewReceipt[]): Promise<void> {
  const newest = new Map<string, NewReceipt>();
  for (const receipt of receipts) {
    const other = newest.get(receipt.place_id);
    if (!other || other.timestamp <= receipt.timestamp) newest.set(receipt.place_id, receipt);
  }
  if (known.size > KNOWN_AT_MOST) known.clear();
  const unknown = [...newest.keys()].filter((placeId) => !known.has(placeId));
  await inParts(unknown, 100, async (part) => {
    for (const place of await table().findMany(StoredPlace, part.map(keyOf))) known.set(place.place_id, place);
  });
  const news = [...newest.values()].filter((receipt) => isNews(receipt));
  await inParallel(AT_ONCE, news, store);
}

/** Lets another stack's places be seen by the same process. */
export const forgetPlaces = (): void => known.clear();

export async function getPlace(placeId: string): Promise<Place> {
  const place = await table().find(Place, keyOf(placeId));
  if (!place) throw notFound('place');
  return place;
}

/** Places by their id. */
export const listPlaces = (call: ListCall) =>
  mergedPage(table(), Place, call, {
    index: 'gsi1',
    partitions: shards(PLACES),
    ascending: true,
    sortKey: ({ place_id }: Place) => place_id,
  });

/** The ids of all places: reads them all. */
export async function allPlaceIds(): Promise<string[]> {
  const ids: string[] = [];
  for (const partition of shards(PLACES)) {
    let startKey: Record<string, unknown> | undefined;
    do {
      const { items, lastKey } = await table().query(Place, { index: 'gsi1', partition, startKey });
      ids.push(...items.map(({ place_id }) => place_id));
      startKey = lastKey;
    } while (startKey);
  }
  return ids;
}
