import { timestamp } from '../kernel/clock';
import { findEnv } from '../kernel/env';
import { log } from '../kernel/log';
import { inParallel } from '../kernel/parallel';
import { isOver } from './divide';
import { observedAt } from './observation';
import { observe, observeFailure } from './observe';
import { fetchOffers, ServiceFailure } from './offers-service';
import { endPage } from './runs';
import type { Failure, RefreshPage, Watched } from './schema';
import { digestOf } from './watch';

/** Requests at once in a function, over connections that are kept. */
const concurrency = (): number => Number(findEnv('OFFERS_CONCURRENCY') ?? 20);
/** Products in a row without an answer, after which the service counts as down. */
const GIVE_UP = 20;

/** The service did not answer, or would not now; anything else is an answer, be it nonsense. */
const NO_ANSWER: readonly Failure[] = ['unavailable', 'slow', 'busy'];
/** What is about one product however the others fare. */
const ABOUT_THE_PRODUCT: readonly Failure[] = ['not_found', 'refused'];

/** Another order each time, so that it is not always the same products that are left when a page gives up. */
const shuffled = <T>(all: readonly T[]): T[] =>
  all
    .map((one) => ({ one, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one);

interface Context {
  run: string;
  /** When the page's products were last looked at. */
  seenUntil: string;
}

/** @returns whether anything was new */
async function refreshOne({ id, digest, failing }: Watched, { run, seenUntil }: Context): Promise<boolean> {
  const at = timestamp();
  const offers = await fetchOffers(id);
  if (digestOf(offers) === digest && !failing) return false;
  return observe({ product: id, offers, at, run, seenUntil });
}

/**
 * Refreshes the products of a page. Nothing is read or written for one with nothing new. What fails touches that product
 * alone: it is noted on it once, until it works again. When the service answers for none of them, that is noted on the page
 * alone, unless they are the few of a segment's last page: those say nothing about the service. A page that fails itself, by
 * our own storage, is done again whole, which does no harm.
 */
export async function refreshPage(message: RefreshPage): Promise<void> {
  const { run, started_at, segment, products } = message;
  if (isOver(started_at)) return log('warn', 'page skipped: its run is over', { run, segment, page: message.page });
  const seenUntil = (await observedAt(segment)) ?? started_at;
  const failed: { product: Watched; error: ServiceFailure }[] = [];
  const storage: unknown[] = [];
  let refreshed = 0;
  let changed = 0;
  let notTried = 0;
  let answered = 0;
  await inParallel(concurrency(), shuffled(products), async (product) => {
    if (!answered && failed.length >= GIVE_UP) {
      notTried++;
      return;
    }
    try {
      if (await refreshOne(product, { run, seenUntil })) changed++;
      refreshed++;
      answered++;
    } catch (error) {
      if (!(error instanceof ServiceFailure)) return void storage.push(error);
      if (!NO_ANSWER.includes(error.failure)) answered++;
      failed.push({ product, error });
    }
  });
  if (storage.length) throw storage[0];

  const down = failed.length > 0 && answered === 0 && (products.length >= GIVE_UP || message.pages === 1);
  // a later refresh knows better
  const isLate = seenUntil > started_at;
  // one that fails for another reason may have been forgotten since
  const news =
    down || isLate ? [] : failed.filter(({ product, error }) => !product.failing || error.failure === 'not_found');
  await inParallel(concurrency(), news, ({ product, error: { failure, message: reason } }) =>
    observeFailure(
      { product: product.id, since: seenUntil, startedAt: started_at, failure, reason },
      ABOUT_THE_PRODUCT.includes(failure),
    ),
  );
  const failures = [...failed.map(({ error }) => error.failure), ...Array<Failure>(notTried).fill('not_tried')];
  log('info', 'page', { run, segment, page: message.page, refreshed, changed, failed: failures.length, down });
  await endPage(message, { refreshed, changed, failures, down });
}
