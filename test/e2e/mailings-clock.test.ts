import { type Deployed, deployed } from '../support/deployed';
import { deployedParts } from '../support/deployed-parts';
import { ownDeployment } from '../support/own-deployment';
import { eventually } from '../support/processes';
import { importClients, mail, statsOf } from './mailings-story';

/** Zones without summer time, from twelve hours before UTC's clock to eleven behind it. */
const ZONES = [
  'Pacific/Tarawa',
  'Pacific/Guadalcanal',
  'Australia/Brisbane',
  'Asia/Tokyo',
  'Asia/Singapore',
  'Asia/Bangkok',
  'Asia/Omsk',
  'Asia/Tashkent',
  'Asia/Dubai',
  'Europe/Moscow',
  'Africa/Johannesburg',
  'Africa/Lagos',
  'Africa/Abidjan',
  'Atlantic/Cape_Verde',
  'America/Noronha',
  'America/Argentina/Buenos_Aires',
  'America/Puerto_Rico',
  'America/Bogota',
  'America/Costa_Rica',
  'America/Phoenix',
  'Pacific/Pitcairn',
  'Pacific/Gambier',
  'Pacific/Honolulu',
  'Pacific/Pago_Pago',
];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let emulator: Awaited<ReturnType<typeof ownDeployment>>;
let stack: Deployed;
let parts: Awaited<ReturnType<typeof deployedParts>>;
let headers: Record<string, string>;
// an emulator of its own: the clock is everybody's
beforeAll(async () => {
  emulator = await ownDeployment();
  stack = await deployed(emulator.port);
  parts = await deployedParts(emulator.port);
  headers = await stack.admin();
}, 300_000);
afterAll(async () => {
  await emulator.stop();
  emulator.remove();
});

/** Moves the clock and lets the minute's functions run until the statistics are these. */
async function until(at: number, mailing: string, expected: Record<string, unknown>): Promise<void> {
  await parts.setClock(new Date(at));
  await eventually(
    `${JSON.stringify(expected)} at ${new Date(at).toISOString()}`,
    async () => {
      await parts.invoke('TimerTick');
      await parts.invoke('MailingsMinute');
      const stats = await statsOf(stack, headers, mailing);
      return Object.entries(expected).every(([name, value]) => stats[name] === value);
    },
    120_000,
  );
}

const shownAt = (timeZone: string, at: string): string =>
  new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'long', hour: '2-digit', minute: '2-digit' }).format(
    new Date(at),
  );

async function messagesOf(mailing: string, query = '') {
  const path = `/api/mailings/${mailing}/messages/?limit=200${query}`;
  return (await stack.http('GET', path, { headers })).body.results;
}

test('next Monday from 09:00 to 10:00 by the clocks of 24 zones; an end that comes before some of them open', async () => {
  const zoneOf = await importClients(stack, headers, 'monday', ZONES);
  const today = Math.floor(Date.now() / DAY) * DAY;
  // on a Sunday it has begun in the east: then the one after
  const monday =
    today + ((8 - new Date(today).getUTCDay()) % 7 || 7) * DAY + (new Date(today).getUTCDay() ? 0 : 7 * DAY);
  const start = monday - 3 * HOUR;
  const common = { filter: { tag: 'monday' }, time_window: { from: '09:00', to: '10:00' }, start_at: new Date(start) };
  const whole = await mail(stack, headers, { ...common, end_at: new Date(start + DAY) });
  // Moscow's window has just opened by then, those of the zones west of it have not
  const short = await mail(stack, headers, { ...common, end_at: new Date(monday + 6.5 * HOUR) });
  const east = ZONES.indexOf('Europe/Moscow') + 1;

  for (const [hours] of ZONES.entries()) {
    const at = start + hours * HOUR + 5_000;
    await until(at, whole, { total: 24, sent: hours + 1, processing: 23 - hours, expired: 0 });
    // those that can never be reached are expired from the start
    const sent = Math.min(hours + 1, east);
    await until(at, short, { total: 24, sent, processing: east - sent, expired: 24 - east });
  }
  await until(start + DAY + 60_000, whole, { status: 'finished', sent: 24 });
  await until(start + DAY + 60_000, short, { status: 'finished', sent: east, expired: 24 - east });

  for (const mailing of [whole, short]) {
    for (const { client, sent_at } of await messagesOf(mailing, '&status=sent')) {
      expect(shownAt(zoneOf.get(client) ?? '', sent_at)).toMatch(/^Monday,? (at )?09:0/);
    }
  }
  const [never] = await messagesOf(short, '&status=expired');
  expect(never.last_error).toBe('the time window does not open before the end');
}, 600_000);

test('on the night the clocks go forward hours that begin in the gap begin at its end; hours within it never come', async () => {
  await importClients(stack, headers, 'night', ['Europe/Berlin']);
  const year = new Date(Date.now() + 8 * DAY).getUTCFullYear() + 1;
  const lastOfMarch = Date.UTC(year, 2, 31);
  // Central European Time ends on the last Sunday of March at 01:00 UTC: 02:00 becomes 03:00
  const gap = lastOfMarch - new Date(lastOfMarch).getUTCDay() * DAY + HOUR;
  const common = { filter: { tag: 'night' }, start_at: new Date(gap - 2 * HOUR), end_at: new Date(gap + 5 * HOUR) };
  const begins = await mail(stack, headers, { ...common, time_window: { from: '02:30', to: '04:00' } });
  const within = await mail(stack, headers, { ...common, time_window: { from: '02:10', to: '02:50' } });
  await until(gap - HOUR, begins, { total: 1, processing: 1 });
  await until(gap - HOUR, within, { total: 1, expired: 1 });
  await until(gap - 300_000, begins, { sent: 0, processing: 1 });
  const [waits] = await messagesOf(begins);
  expect(waits.waiting).toMatchObject({ reason: 'window', until: new Date(gap).toISOString() });
  await until(gap + 2_000, begins, { sent: 1, processing: 0 });
  const [sent] = await messagesOf(begins);
  expect(shownAt('Europe/Berlin', sent.sent_at)).toMatch(/^Sunday,? (at )?03:0/);
}, 300_000);
