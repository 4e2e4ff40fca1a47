import { toUnits } from '../kernel/money';

/** The prices in force from a time on: kept whenever one of them changed, and only then. */
export interface Snapshot {
  at: string;
  run: string | null;
  /** Of all offers that the service had, by id. */
  prices: Record<string, string>;
  /** The lowest of those in stock. */
  lowest: string | null;
}

export interface Point {
  at: string;
  price: string | null;
  run: string | null;
}

const DAY_MS = 24 * 3_600_000;
export const OMNIBUS_DAYS = 30;

export const daysBefore = (at: string, days: number): string =>
  new Date(new Date(at).getTime() - days * DAY_MS).toISOString();

/** What one observation changed of what was in force before it. */
export interface Step {
  at: string;
  run: string | null;
  /** Of the offers whose price is another; null: gone. */
  changes: [offer: string, price: string | null][];
  lowest: string | null;
}

export function stepOf(before: Snapshot | undefined, { at, run, prices, lowest }: Snapshot): Step {
  const known = before?.prices ?? {};
  const changed = Object.entries(prices).filter(([offer, price]) => known[offer] !== price);
  const gone = Object.keys(known).filter((offer) => !(offer in prices));
  return { at, run, changes: [...changed, ...gone.map((offer): [string, null] => [offer, null])], lowest };
}

/** With an offer's own fields counted as two, a change takes 170 bytes at the most; an answer of Lambda 6 MB. */
const MOST_CHANGES = 30_000;

/** Gathers the steps between snapshots that are met newest first, as many as an answer holds. */
export function stepsBack() {
  const steps: Step[] = [];
  const offers = new Set<string>();
  let newer: Snapshot | undefined;
  let changes = 0;
  return {
    /** @returns whether what changed between this snapshot and the one met before it fits in as well */
    add(older: Snapshot | undefined): boolean {
      if (newer) {
        const step = stepOf(older, newer);
        for (const [offer] of step.changes) offers.add(offer);
        changes += step.changes.length + (step.lowest === (older?.lowest ?? null) ? 0 : 1);
        if (changes + 2 * offers.size > MOST_CHANGES) return false;
        steps.push(step);
      }
      newer = older;
      return true;
    },
    /** The steps in order of time, and what was in force before the first of them. */
    gathered: () => ({ start: newer, steps: steps.toReversed() }),
  };
}

/** The lowest price from a time on. */
export type Lowest = Pick<Step, 'at' | 'run' | 'lowest'>;

/** The changes of the lowest price, of what is in order of time; null is where there was none any more. */
export function pointsOf(lowests: Lowest[]): Point[] {
  let last: string | null = null;
  return lowests.flatMap(({ at, run, lowest }) => {
    if (lowest === last) return [];
    last = lowest;
    return [{ at, price: lowest, run }];
  });
}

/** How much `to` is above `from`, in percent with two decimals, halves away from zero; null without both or from zero. */
export function percentChange(from: string | null, to: string | null): string | null {
  if (from === null || to === null) return null;
  const [start, end] = [toUnits(from), toUnits(to)];
  if (start === 0n) return start === end ? '0.00' : null;
  const difference = end - start;
  const size = difference < 0n ? -difference : difference;
  const hundredths = (size * 20_000n + start) / (2n * start);
  const text = `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')}`;
  return difference < 0n && hundredths ? `-${text}` : text;
}

/**
 * For each of some dates in ascending order, the lowest price in force at any moment of the 30 days before it, the one in
 * force as they begin included. One pass over the points: those that can still be the lowest wait in a queue, cheapest first.
 */
export function lowestBefore(points: Point[], dates: string[]): (string | null)[] {
  const waiting: { price: string; units: bigint; until: string | undefined }[] = [];
  let next = 0;
  return dates.map((before) => {
    const start = daysBefore(before, OMNIBUS_DAYS);
    for (let point = points[next]; point && point.at < before; point = points[++next]) {
      if (point.price === null) continue;
      const units = toUnits(point.price);
      while ((waiting.at(-1)?.units ?? -1n) >= units) waiting.pop();
      waiting.push({ price: point.price, units, until: points[next + 1]?.at });
    }
    while (waiting[0]?.until !== undefined && waiting[0].until <= start) waiting.shift();
    return waiting[0]?.price ?? null;
  });
}

interface Series {
  price_at_start: string | null;
  price_at_end: string | null;
  points: Point[];
}

const withChange = <S extends Series>(series: S) => ({
  ...series,
  change_percent: percentChange(series.price_at_start, series.price_at_end),
});

/** The series of each offer over steps, from what was in force before them. One pass over the changes. */
export function offerSeries(start: Snapshot | undefined, steps: Step[]) {
  const offers = new Map<string, Series>(
    Object.entries(start?.prices ?? {}).map(([offer, price]) => [
      offer,
      { price_at_start: price, price_at_end: price, points: [] },
    ]),
  );
  for (const { at, run, changes } of steps) {
    for (const [offer, price] of changes) {
      const series = offers.get(offer) ?? { price_at_start: null, price_at_end: null, points: [] };
      series.points.push({ at, price, run });
      series.price_at_end = price;
      offers.set(offer, series);
    }
  }
  return [...offers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([offer, series]) => withChange({ offer, ...series }));
}

/**
 * The series of the lowest price after a time, each change with the lowest of the 30 days before it. `points` reach back to
 * what was in force 30 days before that time.
 */
export function lowestSeries(points: Point[], from: string) {
  const inside = points.filter(({ at }) => at > from);
  const price_at_start = points[points.length - inside.length - 1]?.price ?? null;
  const references = lowestBefore(
    points,
    inside.map(({ at }) => at),
  );
  return withChange({
    price_at_start,
    price_at_end: points.at(-1)?.price ?? null,
    points: inside.map((point, index) => ({ ...point, lowest_30_days: references[index] ?? null })),
  });
}

export interface Span {
  from: string;
  to: string;
  reason: string;
}

const LONGEST_REASON = 200;

/** Spans cut to a period, in order, with those that overlap made one: between two that touch there was an observation. */
export function mergeSpans(spans: Span[], period: { from: string; to: string }): Span[] {
  const merged: Span[] = [];
  const cut = spans
    .map(({ from, to, reason }) => ({
      from: from < period.from ? period.from : from,
      to: to > period.to ? period.to : to,
      reason: reason.slice(0, LONGEST_REASON),
    }))
    .filter(({ from, to }) => from < to)
    .sort((a, b) => (a.from < b.from ? -1 : 1));
  for (const span of cut) {
    const last = merged.at(-1);
    if (!last || span.from >= last.to) {
      merged.push(span);
      continue;
    }
    if (span.to > last.to) last.to = span.to;
    if (last.reason.split('; ').includes(span.reason)) continue;
    last.reason = `${last.reason}; ${span.reason}`.slice(0, LONGEST_REASON);
  }
  return merged;
}
