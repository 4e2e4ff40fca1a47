import fc from 'fast-check';
import {
  lowestBefore,
  lowestSeries,
  mergeSpans,
  offerSeries,
  percentChange,
  pointsOf,
  type Snapshot,
  stepsBack,
} from '../../lambdas/catalogue/price-history';

const DAY = 24 * 60;
const START = Date.parse('2026-01-01T00:00:00Z');
/** A time by its minute. */
const at = (minute: number): string => new Date(START + minute * 60_000).toISOString();
const cents = (amount: number): string => (amount / 100).toFixed(2);

/** What a model knows of each minute: prices in cents of up to three offers, or none. */
const Timeline = fc
  .array(
    fc.record({
      after: fc.integer({ min: 1, max: 12 * DAY }),
      prices: fc.array(fc.option(fc.integer({ min: 0, max: 500 })), { minLength: 3, maxLength: 3 }),
    }),
    { maxLength: 20 },
  )
  .map((steps) => {
    let minute = 0;
    return steps.map(({ after, prices }) => {
      minute += after;
      return { minute, prices };
    });
  });
type Timeline = { minute: number; prices: (number | null)[] }[];

const lowestOf = (prices: (number | null)[]): number | null =>
  prices.reduce<number | null>((low, price) => (price === null || (low !== null && low <= price) ? low : price), null);

/** The snapshots that are kept of a timeline: only where a price changed. */
const snapshotsOf = (timeline: Timeline): Snapshot[] => {
  let before = '[null,null,null]';
  return timeline.flatMap(({ minute, prices }) => {
    if (JSON.stringify(prices) === before) return [];
    before = JSON.stringify(prices);
    const lowest = lowestOf(prices);
    return [
      {
        at: at(minute),
        run: null,
        prices: Object.fromEntries(
          prices.flatMap((price, offer) => (price === null ? [] : [[`o${offer}`, cents(price)]])),
        ),
        lowest: lowest === null ? null : cents(lowest),
      },
    ];
  });
};

/** The plain model: what holds at a minute, found by walking from the beginning. */
const pricesAt = (timeline: Timeline, minute: number): (number | null)[] => {
  let now: (number | null)[] = [null, null, null];
  for (const step of timeline) if (step.minute <= minute) now = step.prices;
  return now;
};
const text = (price: number | null | undefined): string | null => (price == null ? null : cents(price));

const Minute = fc.integer({ min: 0, max: 200 * DAY });

/** As it is read: what is inside a period newest first, then what was in force before. */
function reportOf(snapshots: Snapshot[], from: string, to: string) {
  const { add, gathered } = stepsBack();
  const earlier = snapshots.filter((one) => one.at <= from);
  for (const one of snapshots.filter((one) => one.at > from && one.at <= to).reverse()) add(one);
  add(earlier.at(-1));
  const { start, steps } = gathered();
  return { offers: offerSeries(start, steps), lowest: lowestSeries(pointsOf([...earlier, ...steps]), from) };
}

test('what is in force at both ends, and every change between, is as the model has it', () => {
  fc.assert(
    fc.property(Timeline, Minute, Minute, (timeline, a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b) + 1];
      const report = reportOf(snapshotsOf(timeline), at(from), at(to));
      const [start, end] = [pricesAt(timeline, from), pricesAt(timeline, to)];
      expect([report.lowest.price_at_start, report.lowest.price_at_end]).toEqual([
        text(lowestOf(start)),
        text(lowestOf(end)),
      ]);
      for (const offer of [0, 1, 2]) {
        const series = report.offers.find((one) => one.offer === `o${offer}`);
        const steps = timeline.filter(({ minute }) => minute > from && minute <= to);
        const expected: [string, string | null][] = [];
        let last = text(start[offer]);
        for (const { minute, prices } of steps) {
          if (text(prices[offer]) === last) continue;
          last = text(prices[offer]);
          expected.push([at(minute), last]);
        }
        expect(series?.price_at_start ?? null).toBe(text(start[offer]));
        expect(series?.price_at_end ?? null).toBe(text(end[offer]));
        expect((series?.points ?? []).map((point) => [point.at, point.price])).toEqual(expected);
      }
    }),
  );
});

test('the lowest price of the 30 days before any date is the lowest of any of their moments', () => {
  fc.assert(
    fc.property(Timeline, fc.uniqueArray(Minute, { minLength: 1, maxLength: 8 }), (timeline, minutes) => {
      const dates = [...minutes].sort((a, b) => a - b);
      const points = pointsOf(snapshotsOf(timeline));
      const expected = dates.map((date) => {
        const moments = [date - 30 * DAY, ...timeline.map(({ minute }) => minute)];
        const inside = moments.filter((minute) => minute >= date - 30 * DAY && minute < date);
        return text(lowestOf(inside.map((minute) => lowestOf(pricesAt(timeline, minute)))));
      });
      expect(lowestBefore(points, dates.map(at))).toEqual(expected);
    }),
  );
});

test('percent are exact, rounded half away from zero, and of the price at the start', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 9 }), fc.integer({ min: 0, max: 10 ** 9 }), (from, to) => {
      const size = BigInt(Math.abs(to - from)) * 10_000n;
      const [whole, rest] = [size / BigInt(from), size % BigInt(from)];
      const hundredths = whole + (2n * rest >= BigInt(from) ? 1n : 0n);
      const sign = to < from && hundredths ? '-' : '';
      const digits = String(hundredths).padStart(3, '0');
      expect(percentChange(cents(from), cents(to))).toBe(`${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`);
    }),
  );
  expect(percentChange('100.00', '87.50')).toBe('-12.50');
  expect(percentChange('3.00', '4.00')).toBe('33.33');
  expect(percentChange('8.00', '8.0001')).toBe('0.00');
  expect(percentChange('20000.00', '20001.00')).toBe('0.01');
  expect(percentChange('0.00', '1.00')).toBeNull();
  expect(percentChange(null, '1.00')).toBeNull();
});

test('what an answer holds is below what Lambda can answer, whatever changed; the rest is left out at the beginning', () => {
  const moment = (number: number) => new Date(START + number).toISOString();
  const price = (number: number) => `999999999${String(number % 1_000).padStart(3, '0')}.9999`;
  const run = crypto.randomUUID();
  const ids = Array.from({ length: 1_000 }, () => crypto.randomUUID());
  const only = (number: number, ...offers: string[]): Snapshot => ({
    at: moment(number),
    run,
    prices: Object.fromEntries(offers.map((id) => [id, price(number)])),
    lowest: price(number),
  });
  const kinds: Record<string, (number: number) => Snapshot> = {
    'one offer': (number) => only(number, ids[0] ?? ''),
    'a thousand offers': (number) => only(number, ...ids),
    'another offer each time': (number) => only(number, crypto.randomUUID()),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    const { add, gathered } = stepsBack();
    let number = 100_000;
    while (add(make(number))) number--;
    const { start, steps } = gathered();
    expect({ kind, at: start?.at }).toEqual({ kind, at: moment(number + 1) });
    const body = { offers: offerSeries(start, steps), lowest: lowestSeries(pointsOf(steps), moment(number + 1)) };
    // a text inside of a text
    const bytes = JSON.stringify(JSON.stringify(body)).length;
    expect(bytes).toBeGreaterThan(2_500_000);
    expect(bytes).toBeLessThan(5_200_000);
  }
});

test('spans are cut to the period and made one where they overlap', () => {
  const Span = fc.record({
    from: Minute,
    length: fc.integer({ min: 0, max: 30 * DAY }),
    reason: fc.constantFrom('a', 'b'),
  });
  fc.assert(
    fc.property(fc.array(Span, { maxLength: 8 }), Minute, (spans, start) => {
      const period = { from: at(start), to: at(start + 60 * DAY) };
      const merged = mergeSpans(
        spans.map(({ from, length, reason }) => ({ from: at(from), to: at(from + length), reason })),
        period,
      );
      const covers = (list: { from: string; to: string }[], moment: string) =>
        list.some(({ from, to }) => from <= moment && moment < to);
      for (let minute = start - DAY; minute < start + 61 * DAY; minute += 6 * 60 + 7) {
        const expected =
          minute >= start &&
          minute < start + 60 * DAY &&
          spans.some(({ from, length }) => from <= minute && minute < from + length);
        expect(covers(merged, at(minute))).toBe(expected);
      }
      merged.reduce((last, { from, to }) => {
        expect(from >= last && from < to).toBe(true);
        return to;
      }, '');
    }),
  );
});
