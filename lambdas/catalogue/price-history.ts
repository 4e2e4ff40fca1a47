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

/** The changes of one price over snapshots in order of time; null is where it ended. */
function pointsOf(snapshots: Snapshot[], priceOf: (snapshot: Snapshot) => string | null): Point[] {
  let last: string | null = null;
  return snapshots.flatMap((snapshot) => {
    const price = priceOf(snapshot);
    if (price === last) return [];
    last = price;
    return [{ at: snapshot.at, price, run: snapshot.run }];
  });
}

/** The price in force at a time: that of the last change up to it. */
const inForce = (points: Point[], at: string): string | null =>
  points.findLast((point) => point.at <= at)?.price ?? null;

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

function period(points: Point[], from: string, to: string) {
  const price_at_start = inForce(points, from);
  const price_at_end = inForce(points, to);
  return {
    price_at_start,
    price_at_end,
    change_percent: percentChange(price_at_start, price_at_end),
    points: points.filter(({ at }) => at > from && at <= to),
  };
}

/**
 * The series of each offer and of the lowest price within `(from, to]`, and the lowest price before a date. `snapshots` are
 * in order of time and reach back to what was in force 30 days before the earlier of `from` and `before`.
 */
export function priceSeries(snapshots: Snapshot[], { from, to, before }: { from: string; to: string; before: string }) {
  const lowest = pointsOf(snapshots, (snapshot) => snapshot.lowest);
  const ids = [...new Set(snapshots.flatMap(({ prices }) => Object.keys(prices)))].sort();
  const offers = ids
    .map((offer) => ({
      offer,
      ...period(
        pointsOf(snapshots, ({ prices }) => prices[offer] ?? null),
        from,
        to,
      ),
    }))
    .filter(({ price_at_start, points }) => price_at_start !== null || points.length);
  const { points, ...inPeriod } = period(lowest, from, to);
  const references = lowestBefore(
    lowest,
    points.map(({ at }) => at),
  );
  return {
    offers,
    lowest: {
      ...inPeriod,
      points: points.map((point, index) => ({ ...point, lowest_30_days: references[index] ?? null })),
    },
    lowest_30_days: { before, price: lowestBefore(lowest, [before])[0] ?? null },
  };
}

export interface Span {
  from: string;
  to: string;
  reason: string;
}

/** Spans cut to a period, in order, with those that overlap made one: between two that touch there was an observation. */
export function mergeSpans(spans: Span[], period: { from: string; to: string }): Span[] {
  const merged: Span[] = [];
  const cut = spans
    .map(({ from, to, reason }) => ({
      from: from < period.from ? period.from : from,
      to: to > period.to ? period.to : to,
      reason,
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
    if (!last.reason.split('; ').includes(span.reason)) last.reason += `; ${span.reason}`;
  }
  return merged;
}
