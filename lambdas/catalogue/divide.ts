import { now } from '../kernel/clock';
import { log } from '../kernel/log';
import { queueUrl, send } from '../kernel/queue';
import { table } from '../kernel/table';
import { endSegment, RUN_SECONDS } from './runs';
import type { RefreshPage, RefreshSegment, Watched } from './schema';
import { SEGMENTS, Watch, watchedOf } from './watch';

const watches = table();

/** Products a message: some 10 KB of it, a second of a worker's time at 20 ms an answer. */
const PAGE = 100;

/** A run whose time is over does no more work, so that a slow neighbour's backlog never grows. */
export const isOver = (startedAt: string): boolean =>
  now().getTime() - new Date(startedAt).getTime() > RUN_SECONDS * 1_000;

/**
 * Divides a segment into pages, a message each: the products of one partition of gsi1, with all that is needed to refresh
 * them. A query a page, eventually consistent; nothing is read again by who works on it.
 */
export async function divide(segment: RefreshSegment): Promise<void> {
  if (isOver(segment.started_at)) return log('warn', 'segment skipped: its run is over', { ...segment });
  const pages: Watched[][] = [];
  let startKey: Record<string, unknown> | undefined;
  do {
    const { items, lastKey } = await watches.query(Watch, {
      index: 'gsi1',
      partition: SEGMENTS[segment.segment] ?? '',
      ascending: true,
      limit: PAGE,
      startKey,
    });
    if (items.length) pages.push(items.map(watchedOf));
    startKey = lastKey;
  } while (startKey);
  if (!pages.length) return endSegment(segment);
  const messages = pages.map((products, page) => ({
    body: { ...segment, page, pages: pages.length, products } satisfies RefreshPage,
  }));
  // another page first each time: where a run's time is too short for all, it is not always the same ones that are left
  const first = Math.floor(Math.random() * messages.length);
  await send(queueUrl('CATALOGUE_PAGES'), [...messages.slice(first), ...messages.slice(0, first)]);
}
