import type { Handler } from '../kernel/http';
import { slicePage } from '../kernel/page';
import type { Operations } from './contract';
import { observedAt } from './observation';
import { getStored, priceSort } from './products';
import { findOffers, findWatch, segmentOf } from './watch';

/**
 * A product's offers, cheapest first. An active one was last seen by the last complete refresh, or by the last before the
 * product itself failed. Three reads, a fourth for a product that is not registered.
 */
export const listOffers: Handler<Operations['listOffers']> = async (call) => {
  const { in_stock, is_active } = call.query;
  const { id } = call.params;
  const [watch, offers, covered = ''] = await Promise.all([findWatch(id), findOffers(id), observedAt(segmentOf(id))]);
  if (!watch) await getStored(id);
  const since = watch?.failing?.since;
  const seen = since !== undefined && since < covered ? since : covered;
  const all = offers.map(({ seen_at, ...offer }) => ({
    ...offer,
    product: id,
    last_seen_at: offer.is_active && seen > seen_at ? seen : seen_at,
  }));
  const wanted = all
    .filter((offer) => is_active === 'any' || String(offer.is_active) === is_active)
    .filter(({ items_in_stock }) => in_stock === undefined || items_in_stock > 0 === in_stock)
    .map((offer) => ({ offer, key: priceSort(offer.price, offer.id) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const { results, next } = await slicePage(call, wanted, ({ key }) => key);
  return { results: results.map(({ offer }) => offer), next };
};
