import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { type Key, table, type Write } from '../kernel/table';
import { mergeSpans, type Span } from './price-history';
import { segmentOf, type Watch } from './watch';

const observations = table();

/** Refreshes come each minute; two that are missing in a row are a gap. */
const GAP_MS = 150_000;

/** Up to when all products of a segment were looked at. Written once a segment and refresh, not once a product. */
const Coverage = z.object({ observed_at: z.string() });
const coverageKey = (segment: number): Key => ({ pk: `COVERAGE#${segment}`, sk: 'COVERAGE' });

const Gap = z.object({ from: z.string(), to: z.string(), reason: z.string() });
const gapKey = (pk: string, from: string): Key => ({ pk, sk: `GAP#${from}` });
const segmentGaps = (segment: number): string => `COVERAGE#${segment}`;
const productGaps = (product: string): string => `PRODUCT#${product}`;

/** When a refresh last looked at all products of a segment; undefined before the first. One read. */
export const observedAt = async (segment: number): Promise<string | undefined> =>
  (await observations.find(Coverage, coverageKey(segment), true))?.observed_at;

const isGap = (from: string, to: string): boolean => new Date(to).getTime() - new Date(from).getTime() > GAP_MS;

const NO_REFRESH = 'no complete refresh';

/**
 * Notes that a refresh which began at a time has looked at all products of a segment, and the gap before it if there was
 * one. One read, one write; nothing when a later refresh was noted already.
 */
export async function cover(segment: number, startedAt: string): Promise<void> {
  const before = (await observations.find(Coverage, coverageKey(segment)))?.observed_at;
  if (before !== undefined && before >= startedAt) return;
  const write = observations.put(
    { ...coverageKey(segment), observed_at: startedAt },
    { equals: { observed_at: before } },
  );
  const gap =
    before !== undefined && isGap(before, startedAt)
      ? [observations.put({ ...gapKey(segmentGaps(segment), before), from: before, to: startedAt, reason: NO_REFRESH })]
      : [];
  await commitIf({ writes: [write, ...gap] });
}

/** The write of a product's own gap, now that it is over. */
export const gapWrite = (product: string, { since, reason }: NonNullable<Watch['failing']>, to: string): Write =>
  observations.put({ ...gapKey(productGaps(product), since), from: since, to, reason });

/** With the refreshes' and the product's own, some 700 KB of an answer. */
const MOST_GAPS = 2_000;

interface Gaps {
  spans: Span[];
  /** Since when they are all there. */
  since: string;
}

/** The gaps of a partition that reach into a period, the last of them when there are many: those that begin inside, and the one before. */
async function gapsOf(partition: string, from: string, to: string): Promise<Gaps> {
  const spans: Span[] = [];
  let startKey: Record<string, unknown> | undefined;
  do {
    const range = { partition, from: `GAP#${from}`, to: `GAP#${to}`, limit: MOST_GAPS - spans.length, startKey };
    const { items, lastKey } = await observations.query(Gap, range);
    spans.push(...items);
    startKey = lastKey;
  } while (startKey && spans.length < MOST_GAPS);
  if (startKey) return { spans, since: spans.at(-1)?.from ?? from };
  const { items } = await observations.query(Gap, { partition, from: 'GAP#', to: `GAP#${from}`, limit: 1 });
  return { spans: [...items, ...spans], since: from };
}

/**
 * The spans of a period in which nothing was observed of a product: before its first observation, while it failed itself,
 * and while no refresh of its segment was complete; of its end alone, `since` a time, when there are too many. Two queries
 * and a read for the segment, two queries for the product.
 */
export async function unobserved(watch: Watch | undefined, from: string, to: string): Promise<Gaps> {
  const at = timestamp();
  const end = to < at ? to : at;
  const period = { from, to: end };
  if (!watch?.first_observed_at) {
    return { spans: mergeSpans([{ ...period, reason: 'not observed yet' }], period), since: from };
  }
  const { product, failing, first_observed_at: first } = watch;
  const segment = segmentOf(product);
  const [own, shared, last] = await Promise.all([
    gapsOf(productGaps(product), from, end),
    gapsOf(segmentGaps(segment), from, end),
    observedAt(segment),
  ]);
  const begun = { from: first, to: end };
  const spans = [
    ...mergeSpans(shared.spans, begun),
    ...(last !== undefined && isGap(last, at) ? mergeSpans([{ from: last, to: at, reason: NO_REFRESH }], begun) : []),
    ...own.spans,
    ...(failing ? [{ from: failing.since, to: at, reason: failing.reason }] : []),
    { from, to: first, reason: 'not observed yet' },
  ];
  const since = own.since > shared.since ? own.since : shared.since;
  return { spans: mergeSpans(spans, { ...period, from: since }), since };
}
