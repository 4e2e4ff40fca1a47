import { timestamp } from '../kernel/clock';
import { countZones } from './audience';
import { checkTimes } from './mailings';
import { rate } from './rate';
import type { NewMailing, Preview } from './schema';
import { nextClosing, nextOpening } from './window';

/** Within the ten seconds that a caller waits. */
const COUNT_MS = 7_000;
const WINDOWS_SHOWN = 7;

const iso = (at: number): string => new Date(at).toISOString();

/** The spans between two instants in which a zone's clients may be written to, the first few. */
function windowsOf({ time_window }: NewMailing, zone: string, from: number, end: number) {
  if (!time_window) return [{ from: iso(from), to: iso(end) }];
  const windows: { from: string; to: string }[] = [];
  let at: number | undefined = from;
  while (windows.length < WINDOWS_SHOWN && at !== undefined) {
    const opens = nextOpening(time_window, zone, at);
    if (opens === undefined || opens >= end) break;
    at = nextClosing(time_window, zone, opens);
    windows.push({ from: iso(opens), to: iso(Math.min(end, at ?? end)) });
  }
  return windows;
}

/** What a mailing would do if it were created now. Reads its audience by key, in pages, for seven seconds at the most. @throws Problem 422 */
export async function preview(mailing: NewMailing): Promise<Preview> {
  checkTimes(mailing);
  const { zones, exact } = await countZones(mailing.filter, Date.now() + COUNT_MS);
  const from = Math.max(Date.parse(mailing.start_at), Date.parse(timestamp()));
  const end = Date.parse(mailing.end_at);
  const all = [...zones].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = all.map(([timezone, clients]) => {
    const windows = windowsOf(mailing, timezone, from, end);
    return { timezone, clients, first_send_at: windows[0]?.from ?? null, windows };
  });
  const count = (some: { clients: number }[]) => some.reduce((sum, { clients }) => sum + clients, 0);
  const reachable = count(rows.filter(({ windows }) => windows.length));
  const perSecond = rate();
  return {
    clients: count(rows),
    exact,
    zones: rows,
    unreachable: count(rows) - reachable,
    rate_per_second: perSecond ?? null,
    seconds: perSecond === undefined ? null : Math.ceil(reachable / perSecond),
  };
}
