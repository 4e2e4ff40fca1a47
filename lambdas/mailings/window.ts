/** The hours in which someone may be written to, by the clock on their own wall. `from` after `to`: across midnight. */
export interface Hours {
  from: string;
  to: string;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws RangeError for what is not a zone */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, format);
  return format;
}

/** Whether a text names an IANA zone. Plain offsets (`+03:00`), which newer runtimes take, are none. */
export function isZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    formatOf(text);
    return true;
  } catch {
    return false;
  }
}

type Shown = Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', number>;

/** What the wall clock of a zone shows at an instant, as milliseconds of a UTC clock that shows the same. */
function wall(zone: string, at: number): number {
  const parts = formatOf(zone).formatToParts(at);
  const shown = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)])) as Shown;
  return Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute, shown.second);
}

const toSecond = (at: number): number => Math.floor(at / SECOND) * SECOND;
const offset = (zone: string, at: number): number => wall(zone, at) - toSecond(at);

const ofDay = (text: string): number => (Number(text.slice(0, 2)) * 60 + Number(text.slice(3))) * MINUTE;

const floorToDay = (time: number): number => Math.floor(time / DAY) * DAY;

/** Whether the wall clock of the zone is within the hours. By the wall clock alone: an hour that comes twice counts twice. */
export function isOpen(hours: Hours, zone: string, at: number): boolean {
  const shown = wall(zone, at);
  const time = shown - floorToDay(shown);
  const from = ofDay(hours.from);
  const to = ofDay(hours.to);
  return from < to ? from <= time && time < to : from <= time || time < to;
}

/** The instant between two at which the zone's offset has changed, to the second. */
function transition(zone: string, before: number, after: number): number {
  const old = offset(zone, before);
  let low = before;
  let high = after;
  while (high - low > SECOND) {
    const middle = toSecond((low + high) / 2);
    if (offset(zone, middle) === old) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * The instants around a wall time at which the hours may begin or end: each at which the wall clock shows it (none in a
 * gap, two in a fold), and the change of the clock itself.
 */
function edges(zone: string, shown: number): number[] {
  const near = shown - offset(zone, shown);
  const [before, after] = [near - DAY, near + DAY];
  const offsets = new Set([offset(zone, before), offset(zone, near), offset(zone, after)]);
  const hits = [...offsets].map((one) => shown - one).filter((at) => wall(zone, at) === shown);
  const changed = offset(zone, before) !== offset(zone, after);
  return changed ? [...hits, transition(zone, before, after)] : hits;
}

/** A window that a change of the clock swallows opens a day later; nothing swallows it for a week. */
const DAYS_AHEAD = 8;

function firstEdge(hours: Hours, zone: string, at: number, open: boolean): number | undefined {
  const today = floorToDay(wall(zone, at));
  const time = ofDay(open ? hours.from : hours.to);
  let first: number | undefined;
  for (let day = -1; day <= DAYS_AHEAD; day++) {
    const isFound = first !== undefined;
    for (const edge of edges(zone, today + day * DAY + time)) {
      if (edge > at && edge < (first ?? Number.POSITIVE_INFINITY) && isOpen(hours, zone, edge) === open) first = edge;
    }
    // one day more: what was found may be a change of the clock that comes after that day's own edge
    if (isFound) break;
  }
  return first;
}

/** When the hours are open next: the instant itself when they are open now. */
export const nextOpening = (hours: Hours, zone: string, at: number): number | undefined =>
  isOpen(hours, zone, at) ? at : firstEdge(hours, zone, at, true);

/** When hours that are open now close. */
export const nextClosing = (hours: Hours, zone: string, at: number): number | undefined =>
  firstEdge(hours, zone, at, false);
