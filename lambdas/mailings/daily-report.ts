import { SESClient, SendEmailCommand, VerifyEmailIdentityCommand } from '@aws-sdk/client-ses';
import * as z from 'zod';
import { expiry, now, secondsAfter, timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { env, findEnv } from '../kernel/env';
import { log } from '../kernel/log';
import { type Key, table } from '../kernel/table';
import { overallTally, tallies } from './ledger';
import { newest } from './mailings';
import { Counts, MESSAGE_STATUSES } from './schema';

const reports = table();
const ses = new SESClient({});

/** A report that was begun and not sent after so long is sent by another run. */
const BEGUN_SECONDS = 600;
const KEPT_SECONDS = 90 * 24 * 3_600;

const Report = z.object({
  state: z.enum(['begun', 'sent']),
  begun_at: z.string(),
  /** What the e-mail said, for the next one to say what has changed since. */
  counts: Counts.optional(),
});

/** The date and the hour on the wall of a zone, and the date before. */
function wallOf(zone: string, at: Date): { date: string; hour: number; before: string } {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' }).format(at);
  const date = text.slice(0, 10);
  return { date, hour: Number(text.slice(11, 13)), before: secondsAfter(date, -24 * 3_600).slice(0, 10) };
}

const keyOf = (date: string): Key => ({ pk: `REPORT#${date}`, sk: 'REPORT' });

/** Takes the right to send a day's report: one run gets it, and another one if that run died on its way. One or two calls. */
async function begin(date: string): Promise<boolean> {
  const before = await reports.find(Report, keyOf(date));
  const isLost = before?.state === 'begun' && before.begun_at < secondsAfter(now(), -BEGUN_SECONDS);
  if (before && !isLost) return false;
  const item = { ...keyOf(date), state: 'begun', begun_at: timestamp(), expires_at: expiry(KEPT_SECONDS) };
  const condition = before ? { equals: { begun_at: before.begun_at, state: 'begun' } } : { exists: false };
  return commitIf({ writes: [reports.put(item, condition)] });
}

const MAILINGS_SHOWN = 10;
const TEXT_SHOWN = 40;

interface Figures {
  date: string;
  /** Since when `since` counts; undefined without an earlier report. */
  before: string | undefined;
  since: Counts;
  counts: Counts;
  newest: string[];
}

const columns = (...cells: (string | number)[]): string =>
  cells.map((cell, index) => (index ? String(cell).padStart(18) : String(cell).padEnd(12))).join('');

const textOf = ({ date, before, since, counts, newest }: Figures): string =>
  [
    `Messages of all mailings, ${date}`,
    '',
    columns('', ...(before ? [`since ${before}`] : []), 'altogether'),
    ...[...MESSAGE_STATUSES, 'total' as const].map((name) =>
      columns(name, ...(before ? [name === 'processing' ? '' : since[name]] : []), counts[name]),
    ),
    '',
    ...(newest.length ? ['The newest mailings', '', ...newest, ''] : []),
  ].join('\n');

/** A line for each of the newest mailings: its start, how far it is, how its text begins. Four queries and a call. */
async function newestMailings(): Promise<string[]> {
  const all = await newest(MAILINGS_SHOWN);
  const counts = await tallies(all.map(({ id }) => id));
  return all.map(({ start_at, status, text }, index) => {
    const { sent = 0, total = 0 } = counts[index] ?? {};
    const begin = text.replace(/\s+/g, ' ').slice(0, TEXT_SHOWN);
    return `${start_at.slice(0, 16).replace('T', ' ')} UTC  ${status.padEnd(10)} ${sent} of ${total} sent  ${begin}`;
  });
}

async function mail(date: string, before: string, to: string, from: string): Promise<Counts> {
  // an emulator wants to have heard of a sender; elsewhere the address or its domain is verified by its owner
  if (env('STAGE') === 'local') await ses.send(new VerifyEmailIdentityCommand({ EmailAddress: from }));
  const [counts, last, newestLines] = await Promise.all([
    overallTally().then((tally) => Counts.parse(tally)),
    reports.find(Report, keyOf(before)),
    newestMailings(),
  ]);
  const names = [...MESSAGE_STATUSES, 'total' as const];
  const since = Object.fromEntries(names.map((name) => [name, counts[name] - (last?.counts?.[name] ?? 0)])) as Counts;
  const figures = { date, before: last?.counts && before, since, counts, newest: newestLines };
  await ses.send(
    new SendEmailCommand({
      Source: from,
      Destination: { ToAddresses: [to] },
      Message: {
        Subject: {
          Data: `Mailings ${figures.before ? 'on' : 'until'} ${date}: ${since.sent} sent, ${since.error + since.expired} not`,
        },
        Body: { Text: { Data: textOf(figures) } },
      },
    }),
  );
  return counts;
}

/**
 * Sends the day's statistics, once, from the configured hour of the configured zone on; nothing without an address. Once, but
 * for a run that dies between SES's answer and its note of it: then a second one follows ten minutes later.
 */
export async function sendDailyReport(): Promise<{ sent: boolean }> {
  const to = findEnv('STATS_EMAIL');
  if (!to) return { sent: false };
  const { date, hour, before } = wallOf(env('STATS_EMAIL_ZONE'), now());
  if (hour < Number(env('STATS_EMAIL_HOUR')) || !(await begin(date))) return { sent: false };
  const counts = await mail(date, before, to, findEnv('STATS_EMAIL_FROM') ?? to);
  await commitIf({ writes: [reports.update(keyOf(date), { set: { state: 'sent', counts } }, { exists: true })] });
  log('info', 'daily report sent', { date });
  return { sent: true };
}
