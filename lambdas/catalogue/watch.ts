import { createHash } from 'node:crypto';
import * as z from 'zod';
import { shardOf, shards } from '../kernel/id';
import { toUnits } from '../kernel/money';
import { busy } from '../kernel/problem';
import { type Key, table, type Write } from '../kernel/table';
import { Offer, type ServiceOffers, type Watched } from './schema';

const StoredOffer = Offer.omit({ product: true, last_seen_at: true }).extend({
  /** When it was last seen by a write: an active offer was seen since by each refresh that changed nothing. */
  seen_at: z.string(),
});
type StoredOffer = z.output<typeof StoredOffer>;

/** The offers of a product: those that the service has, and the last 200 that it had. */
export const Offers = z.object({
  offers: z.array(StoredOffer),
  /** That of the watch that they were written with; an item of before has none. */
  digest: z.string().optional(),
});
export type Offers = z.output<typeof Offers>;

/**
 * Where the refresh of a registered product stands, a small item apart from the offers. Only products with such an item are
 * refreshed; it is in gsi1, whose partitions are the segments of a refresh, and tells a refresh all it needs without a read
 * per product: a page of a hundred costs five read units.
 */
export const Watch = z.object({
  product: z.string(),
  /** Of what the service said last; a refresh that reads the same writes nothing. */
  digest: z.string(),
  lowest: z.string().nullable(),
  /** When what is stored was asked for; a later write must have asked later. */
  observed_at: z.string(),
  /** Null before the first observation. */
  first_observed_at: z.string().nullable(),
  /** Since when nothing was observed of this very product, and why. */
  failing: z.object({ since: z.string(), reason: z.string() }).nullable(),
  /** Counts the writes. */
  version: z.int(),
});
export type Watch = z.output<typeof Watch>;

export const WATCHES = 'WATCHES';
export const SEGMENTS = shards(WATCHES);
export const segmentOf = (product: string): number => SEGMENTS.indexOf(shardOf(WATCHES, product));

const WATCH = 'WATCH';
const OFFERS = 'OFFERS';
export const watchKey = (product: string): Key => ({ pk: `PRODUCT#${product}`, sk: WATCH });
export const offersKey = (product: string): Key => ({ pk: `PRODUCT#${product}`, sk: OFFERS });

const WatchOrOffers = z.discriminatedUnion('sk', [
  Watch.extend({ sk: z.literal(WATCH) }),
  Offers.extend({ sk: z.literal(OFFERS) }),
]);

export const findWatch = (product: string): Promise<Watch | undefined> => table().find(Watch, watchKey(product));
export const findOffers = async (product: string): Promise<Offers['offers']> =>
  (await table().find(Offers, offersKey(product)))?.offers ?? [];

/** For the transaction that writes the watch. */
export const offersWrite = (product: string, digest: string, offers: Offers['offers']): Write =>
  table().put({ ...offersKey(product), digest, offers });

const MOST_READS = 5;

/**
 * A product's watch and the offers that it is about. One call, two reads; more when somebody writes them at that moment.
 * Undefined for a product that is not followed.
 */
export async function findWatched(product: string): Promise<{ watch: Watch; offers: Offers['offers'] } | undefined> {
  for (let reads = 0; reads < MOST_READS; reads++) {
    const found = await table().findMany(WatchOrOffers, [watchKey(product), offersKey(product)]);
    const watch = found.find((one) => one.sk === WATCH);
    if (!watch) return undefined;
    const { offers, digest } = found.find((one) => one.sk === OFFERS) ?? { offers: [], digest: '' };
    // the two are read apart: those of another write do not belong together
    if (digest === undefined || digest === watch.digest) return { watch, offers };
  }
  throw busy('the offers are being changed by others, try again');
}

const watchItem = (watch: Watch) => ({
  ...watchKey(watch.product),
  ...watch,
  gsi1pk: shardOf(WATCHES, watch.product),
  gsi1sk: watch.product,
});

/** The write of a watch as it begins, when its product has been registered. */
export const newWatch = (product: string, at: string): Write =>
  table().put(
    watchItem({
      product,
      digest: '',
      lowest: null,
      observed_at: at,
      first_observed_at: null,
      failing: null,
      version: 1,
    }),
  );

/** The write of a watch's next state, if nobody has written it since. */
export const nextWatch = (watch: Watch): Write =>
  table().put(watchItem({ ...watch, version: watch.version + 1 }), { equals: { version: watch.version } });

export const watchedOf = ({ product, digest, failing }: Pick<Watch, 'product' | 'digest' | 'failing'>): Watched => ({
  id: product,
  digest,
  failing: failing !== null,
});

/** The same for the same offers, in whatever order they come. */
export const digestOf = (offers: ServiceOffers): string =>
  createHash('sha256')
    .update(
      offers
        .map(({ id, price, items_in_stock }) => `${id} ${price} ${items_in_stock}`)
        .sort()
        .join('\n'),
    )
    .digest('base64url')
    .slice(0, 22);

/** The lowest price of offers that can be bought. */
export const lowestOf = (offers: ServiceOffers): string | null =>
  offers.reduce<string | null>((low, { price, items_in_stock }) => {
    if (!items_in_stock) return low;
    return low === null || toUnits(price) < toUnits(low) ? price : low;
  }, null);

const SOLD_OUT_KEPT = 200;

/**
 * The offers after an observation at a time: known ones keep their ids and when they were first seen, those that are gone
 * are sold out. `seenUntil` is when those were last seen.
 */
export function merge(known: StoredOffer[], found: ServiceOffers, at: string, seenUntil: string): StoredOffer[] {
  const before = new Map(known.map((offer) => [offer.id, offer]));
  const ids = new Set(found.map(({ id }) => id));
  const current = found.map((offer) => ({
    ...offer,
    is_active: true,
    first_seen_at: before.get(offer.id)?.first_seen_at ?? at,
    seen_at: at,
  }));
  const gone = known
    .filter(({ id }) => !ids.has(id))
    .map((offer) =>
      offer.is_active
        ? {
            ...offer,
            is_active: false,
            items_in_stock: 0,
            seen_at: seenUntil > offer.seen_at ? seenUntil : offer.seen_at,
          }
        : offer,
    )
    .sort((a, b) => (a.seen_at < b.seen_at ? 1 : -1))
    .slice(0, SOLD_OUT_KEPT);
  return [...current, ...gone];
}
