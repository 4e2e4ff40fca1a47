import * as z from 'zod';
import { expiry, now, secondsAfter } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { log } from '../kernel/log';
import { type Key, table } from '../kernel/table';

const breakers = table();
const keyOf = (mailing: string): Key => ({ pk: `BREAKER#${mailing}`, sk: 'BREAKER' });
/** As the mailing knows it that found the service dead last. */
const LATEST = keyOf('LATEST');
const KEPT_SECONDS = 7 * 24 * 3_600;

/**
 * What a mailing knows of the send service's health. Each has its own: a text at which the service fails is no other
 * mailing's trouble.
 */
const Breaker = z.object({
  /** Failures since the last success. */
  failures: z.int().default(0),
  /** Set while the service is taken for dead: nothing is sent before. */
  open_until: z.string().optional(),
  /** How often it was found dead in a row. */
  opens: z.int().default(0),
});
export type Breaker = z.output<typeof Breaker>;

/** Failures in a row, from all functions, after which the service is taken for dead. */
export const TRIP = 20;
const FIRST_PAUSE_SECONDS = 10;
const LONGEST_PAUSE_SECONDS = 120;
/** A probe that gives no news of itself within this time is lost; longer than a request may take. */
export const PROBE_SECONDS = 15;

const WELL: Breaker = { failures: 0, opens: 0 };

/** One read. */
export const readBreaker = async (mailing: string): Promise<Breaker> =>
  (await breakers.find(Breaker, keyOf(mailing))) ?? WELL;

/** What was found last of the service, by whichever mailing. One read. */
export const latestBreaker = (): Promise<Breaker> => readBreaker('LATEST');

/** Takes the right to try a service whose pause is over: one caller gets it. */
export const takeProbe = (mailing: string, { open_until }: Breaker): Promise<boolean> => {
  const set = { open_until: secondsAfter(now(), PROBE_SECONDS) };
  return commitIf({ writes: [breakers.update(keyOf(mailing), { set }, { equals: { open_until } })] });
};

/**
 * Notes what came of some requests, judged against what was read before them. Costs nothing while all is well: a write
 * only when they all failed, or when one went well after failures. While the service is taken for dead, only its probe
 * has something to say.
 */
export async function noteRequests(
  mailing: string,
  before: Breaker,
  done: { well: number; failed: number; probe: boolean },
): Promise<void> {
  const { well, failed, probe } = done;
  const KEY = keyOf(mailing);
  if (well > 0) {
    if (before.failures === 0 && !before.open_until) return;
    await commitIf({ writes: [breakers.delete(KEY), breakers.delete(LATEST)] });
    if (before.open_until) log('info', 'the send service answers again', { mailing_id: mailing });
    return;
  }
  if (failed === 0 || (before.open_until !== undefined && !probe)) return;
  const failures = before.failures + failed;
  const expires_at = expiry(KEPT_SECONDS);
  if (failures < TRIP) {
    await commitIf({ writes: [breakers.update(KEY, { add: { failures: failed }, set: { expires_at } })] });
    return;
  }
  const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** before.opens);
  const open_until = secondsAfter(now(), pause * (0.9 + 0.2 * Math.random()));
  const opened = breakers.put(
    { ...KEY, failures, opens: before.opens + 1, open_until, expires_at },
    { equals: { open_until: before.open_until } },
  );
  const latest = breakers.put({ ...LATEST, failures, opens: before.opens + 1, open_until, expires_at });
  if (await commitIf({ writes: [opened, latest] })) {
    log('warn', 'the send service is taken for dead', { mailing_id: mailing, failures, open_until });
  }
}
