/**
 * Durations in bins that grow by a tenth: a percentile is right to within that, and a bin is one counter. Bin 0 is a
 * millisecond or less; 200 bins reach two days.
 */
const GROWTH = 1.1;
const LAST_BIN = 200;

/** Counts by number of bin. */
export type Bins = Map<number, number>;

export const binOf = (ms: number): number =>
  ms <= 1 ? 0 : Math.min(LAST_BIN, Math.ceil(Math.log(ms) / Math.log(GROWTH)));

/** The longest that falls into a bin, in seconds. */
const longestOf = (bin: number): number => GROWTH ** bin / 1_000;

export const countOf = (bins: Bins): number => [...bins.values()].reduce((sum, count) => sum + count, 0);

/** The seconds that so much of what was counted took at the most; undefined when nothing was. */
export function percentile(bins: Bins, part: number): number | undefined {
  const rank = Math.ceil(countOf(bins) * part);
  let passed = 0;
  for (const [bin, count] of [...bins].sort(([a], [b]) => a - b)) {
    passed += count;
    if (passed >= rank) return Number(longestOf(bin).toPrecision(3));
  }
  return undefined;
}

/** How many took at most so many seconds, to within 5 % of these: half of a bin. */
export const countUpTo = (bins: Bins, seconds: number): number =>
  [...bins].reduce((sum, [bin, count]) => (longestOf(bin) <= seconds * GROWTH ** 0.5 ? sum + count : sum), 0);
