import type * as z from 'zod';
import type { ListCall } from '../kernel/page';
import { inParallel } from '../kernel/parallel';
import { invalid } from '../kernel/problem';
import { getPlace, listPlaces } from './places';
import { AT_ONCE } from './receipts';
import type { AllAnalytics, AnalyticsQuery, PlaceAnalytics } from './schema';
import { ALL_PLACES, add, fromCents, of, readMarks, readTotals, type Sums, type Total } from './totals';

/** Sums that one answer may read, over all of its places: some 10 MB, a year of one place's hours among it. */
const MAX_NUMBERS = 1_000_000;
/** What it may show: some 3 MB of the 6 that a function may answer. */
const MAX_INTERVALS = 10_000;
const MAX_CATEGORIES = 10_000;
const CATEGORIES_A_PLACE = 1_000;

/** `2026-01-31T12` or `2026-01-31` by the interval: how many letters of a time name it. */
const WIDTH = { hour: 13, day: 10 } as const;
const SPAN_MS = { hour: 3_600_000, day: 86_400_000 } as const;

/** A period as the beginnings of its first and of its last interval. */
interface Period {
  first: string;
  last: string;
  interval: AnalyticsQuery['interval'];
}

function periodOf({ from, to, interval }: AnalyticsQuery): Period {
  if (from !== undefined && to !== undefined && from >= to) {
    throw invalid([{ path: 'to', message: 'expected a time after `from`' }]);
  }
  const width = WIDTH[interval];
  const end = to && new Date(Math.ceil(Date.parse(to) / SPAN_MS[interval]) * SPAN_MS[interval] - 1).toISOString();
  return { first: from?.slice(0, width) ?? '', last: end?.slice(0, width) ?? '9999', interval };
}

const tooLong = () => invalid([{ path: 'from', message: 'the period has too many intervals: ask for a shorter one' }]);
const tooMany = () =>
  invalid([{ path: 'limit', message: 'the places have too many categories: ask for fewer at once' }]);

type Spend = (totals: Total[]) => void;

/** Ends an answer that would read too much. @throws Problem 422 */
function budget(): Spend {
  let left = MAX_NUMBERS;
  return (totals) => {
    for (const { sums } of totals) left -= Object.keys(sums).length;
    if (left < 0) throw tooLong();
  };
}

/** Days between two changed ones that are cheaper to read along than to leave out by a call of their own. */
const GAP_DAYS = 7;
/** What the changed days of one place may take, wherever they lie. */
const SPANS_AT_MOST = 20;

/** Sorted days as spans of first and last, parted at the widest gaps between them. */
function spansOf(days: string[]): [first: string, last: string][] {
  const width = (at: number): number => Date.parse(days[at] ?? '') - Date.parse(days[at - 1] ?? '');
  const starts = [...days.keys()]
    .filter((at) => at > 0 && width(at) > GAP_DAYS * SPAN_MS.day)
    .sort((a, b) => width(b) - width(a))
    .slice(0, SPANS_AT_MOST - 1)
    .concat(days.length ? 0 : [])
    .sort((a, b) => a - b);
  return starts.map((start, span) => [days[start] ?? '', days[(starts[span + 1] ?? days.length) - 1] ?? '']);
}

/**
 * The totals of a period by interval, oldest first. Days that changed since they were last closed are summed from their
 * hours, the others are one item each: reads grow with the intervals, never with the receipts.
 */
async function totalsOf(placeId: string, { first, last, interval }: Period, changed: string[], spend: Spend) {
  if (interval === 'hour') return readTotals(placeId, `HOUR#${first}`, `HOUR#${last}#~`, spend);
  const [days, ...hours] = await Promise.all([
    readTotals(placeId, `DAY#${first}`, `DAY#${last}~`, spend),
    ...spansOf(changed).map(([from, to]) => readTotals(placeId, `HOUR#${from}T`, `HOUR#${to}T~`, spend)),
  ]);
  const fresh = new Set(changed);
  const isFresh = (total: Total): boolean => fresh.has(nameOf(total, WIDTH.day));
  return [...days.filter((total) => !isFresh(total)), ...hours.flat().filter(isFresh)];
}

const nameOf = ({ sk }: Total, width: number): string => sk.slice(sk.indexOf('#') + 1).slice(0, width);

const mean = (cents: number, count: number): string => {
  if (!count) return '0.00';
  const [sum, n] = [BigInt(cents), BigInt(count)];
  return fromCents(Number((2n * sum + n) / (2n * n)));
};

function shown(totals: Total[], interval: Period['interval']) {
  const width = WIDTH[interval];
  const all: Sums = {};
  const byStart = new Map<string, Sums>();
  for (const total of totals) {
    add(all, total.sums);
    const start = nameOf(total, width);
    byStart.set(start, add(byStart.get(start) ?? {}, total.sums));
  }
  const starts = [...byStart].filter(([, sums]) => of(sums, 'purchases')).sort(([a], [b]) => (a < b ? -1 : 1));
  if (starts.length > MAX_INTERVALS) throw tooLong();
  const categories = Object.keys(all).filter((name) => name.startsWith('s:') && of(all, `p:${name.slice(2)}`));
  const dearest =
    categories.length > CATEGORIES_A_PLACE ? categories.sort((a, b) => of(all, b) - of(all, a)) : categories;
  return {
    total_purchases: of(all, 'purchases'),
    total_amount: fromCents(of(all, 'amount')),
    average_receipt: mean(of(all, 'amount'), of(all, 'purchases')),
    taxes_amount: { total_nds: fromCents(of(all, 'nds')), total_tips: fromCents(of(all, 'tips')) },
    categories: categories.length,
    category_analytics: Object.fromEntries(
      dearest.slice(0, CATEGORIES_A_PLACE).map((name) => {
        const category = name.slice(2);
        const spent = of(all, name);
        return [
          category,
          {
            total_spent: fromCents(spent),
            quantity: of(all, `q:${category}`),
            average_receipt: mean(spent, of(all, `p:${category}`)),
          },
        ];
      }),
    ),
    intervals: starts.map(([start, sums]) => ({
      start: `${start}${interval === 'hour' ? '' : 'T00'}:00:00.000Z`,
      purchases: of(sums, 'purchases'),
      total_amount: fromCents(of(sums, 'amount')),
      total_nds: fromCents(of(sums, 'nds')),
      total_tips: fromCents(of(sums, 'tips')),
    })),
  };
}

async function changedDays({ first, last, interval }: Period): Promise<string[]> {
  if (interval === 'hour') return [];
  const marks = await readMarks(first || '0', `${last}~`);
  return [...new Set(marks.map(({ hour }) => hour.slice(0, 10)))];
}

/** The sums of one place over a period. @throws Problem 404 for a place that no receipt has named */
export async function analyticsOf(placeId: string, query: AnalyticsQuery): Promise<z.input<typeof PlaceAnalytics>> {
  const period = periodOf(query);
  const [place, changed] = await Promise.all([getPlace(placeId), changedDays(period)]);
  return { ...place, ...shown(await totalsOf(placeId, period, changed, budget()), period.interval) };
}

/** The sums over all places, and a page of places with theirs. */
export async function analytics(call: ListCall & { query: AnalyticsQuery }): Promise<z.input<typeof AllAnalytics>> {
  const period = periodOf(call.query);
  const [places, changed] = await Promise.all([listPlaces(call), changedDays(period)]);
  const sums = new Map<string, ReturnType<typeof shown>>();
  const spend = budget();
  await inParallel(AT_ONCE, [ALL_PLACES, ...places.results.map(({ place_id }) => place_id)], async (placeId) => {
    sums.set(placeId, shown(await totalsOf(placeId, period, changed, spend), period.interval));
  });
  const sumsOf = (placeId: string) => sums.get(placeId) ?? shown([], period.interval);
  const total = sumsOf(ALL_PLACES);
  const results = places.results.map((place) => ({ ...place, ...sumsOf(place.place_id) }));
  const count = (size: (one: (typeof results)[number]) => number) => results.reduce((sum, one) => sum + size(one), 0);
  if (count(({ intervals }) => intervals.length) > MAX_INTERVALS) throw tooLong();
  if (count(({ category_analytics }) => Object.keys(category_analytics).length) > MAX_CATEGORIES) throw tooMany();
  return { total, results, next: places.next };
}
