import { timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { table } from '../kernel/table';
import { gapWrite } from './observation';
import { lowestWrite, snapshotWrite } from './prices';
import { priceIndex, productKey } from './products';
import { findRegistration, restartedRegistration } from './registration-items';
import type { Failure, ServiceOffers } from './schema';
import {
  digestOf,
  findWatch,
  findWatched,
  lowestOf,
  merge,
  nextWatch,
  type Offers,
  offersWrite,
  type Watch,
} from './watch';

const products = table();

export interface Observation {
  product: string;
  offers: ServiceOffers;
  /** When the service was asked. */
  at: string;
  run: string;
  /** When the product was last looked at before, as far as the refresh knows. */
  seenUntil: string;
}

const pricesOf = (offers: Offers['offers']): Record<string, string> =>
  Object.fromEntries(offers.flatMap(({ id, price, is_active }) => (is_active ? [[id, price]] : [])));

const samePrices = (a: Record<string, string>, b: Record<string, string>): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([id, price]) => b[id] === price);

/** What an observation changes: the product's offers, the history when a price moved, the product when the lowest did. */
function writesOf(watch: Watch, known: Offers['offers'], observation: Observation, digest: string) {
  const { product, offers: found, at, run, seenUntil } = observation;
  const offers = merge(known, found, at, seenUntil);
  const lowest = lowestOf(found);
  const prices = pricesOf(offers);
  const moved = lowest !== watch.lowest || !samePrices(prices, pricesOf(known));
  const first_observed_at = watch.first_observed_at ?? at;
  const change = {
    ...(lowest !== watch.lowest && { lowest_price: lowest, ...priceIndex(product, lowest) }),
    ...(watch.failing && { offers_status: 'active', offers_error: null }),
  };
  return [
    nextWatch({ ...watch, lowest, digest, observed_at: at, failing: null, first_observed_at }),
    ...(digest !== watch.digest ? [offersWrite(product, digest, offers)] : []),
    ...(moved ? [snapshotWrite(product, { at, run, prices, lowest })] : []),
    ...(lowest !== watch.lowest || !watch.first_observed_at ? [lowestWrite(product, { at, run, lowest })] : []),
    ...(watch.failing ? [gapWrite(product, watch.failing, at)] : []),
    ...(Object.keys(change).length ? [products.update(productKey(product), { set: change }, { exists: true })] : []),
  ];
}

const ATTEMPTS = 4;

/**
 * Stores what the service said of a product's offers, if it is new: two reads in one call, and a transaction of two items when
 * only the stock changed, of three when a price did, of five when the lowest did. What was asked for before what is stored, and what
 * is of a product that is gone, changes nothing: so refreshes may overlap.
 *
 * @returns whether anything was written
 */
export async function observe(observation: Observation): Promise<boolean> {
  const { product, at } = observation;
  const digest = digestOf(observation.offers);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const known = await findWatched(product);
    if (!known || known.watch.observed_at >= at) return false;
    const { watch, offers } = known;
    if (watch.digest === digest && !watch.failing) return false;
    if (await commitIf({ writes: writesOf(watch, offers, observation, digest) })) return true;
  }
  return false;
}

export interface FailedObservation {
  product: string;
  /** When the product was last looked at with success, as far as the refresh knows. */
  since: string;
  /** When the refresh began. */
  startedAt: string;
  failure: Failure;
  reason: string;
}

/**
 * Notes that nothing can be observed of a product: a read and a write as it begins, then nothing until it is over. Only what
 * is about the product itself (`onProduct`) shows on it. One that the service does not know any more is registered anew, once:
 * a read more, and the message in the same transaction.
 */
export async function observeFailure(failed: FailedObservation, onProduct: boolean): Promise<void> {
  const { product, since, startedAt, failure, reason } = failed;
  const watch = await findWatch(product);
  if (!watch || watch.observed_at > startedAt) return;
  const isForgotten = failure === 'not_found' && !watch.failing?.reason.startsWith(failure);
  if (watch.failing && !isForgotten) return;
  const from = watch.failing?.since ?? (watch.observed_at > since ? watch.observed_at : since);
  const failing = { since: from, reason: `${failure}: ${reason}` };
  const registration = isForgotten ? await findRegistration(product) : undefined;
  const again = registration?.state === 'registered' ? restartedRegistration(registration, timestamp()) : undefined;
  const set = { offers_status: 'error', offers_error: `offers: ${reason}` };
  // when somebody else wrote it in between, what they saw counts
  await commitIf({
    writes: [
      nextWatch({ ...watch, failing }),
      ...(onProduct ? [products.update(productKey(product), { set }, { exists: true })] : []),
      ...(again ? [again.write] : []),
    ],
    emit: again ? [again.emit] : [],
  });
}
