import type { Context } from 'aws-lambda';
import { syncClock } from '../kernel/clock';
import { log } from '../kernel/log';
import { collect } from './collect';
import { noteEmpty } from './queues';

/** Time left for what was begun. */
const RESERVE_MS = 10_000;

/**
 * What is looked at each minute: dead letters come to the desk, empty lanes are noted. Each for itself: the failure of one
 * does not hold up the other.
 */
export async function minute(_event: unknown, context: Context): Promise<void> {
  await syncClock();
  const hasTime = () => context.getRemainingTimeInMillis() > RESERVE_MS;
  const done = await Promise.allSettled([collect(hasTime), noteEmpty()]);
  const failed = done.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const [collected] = done.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  log('info', 'minute', { collected });
  if (failed.length) throw failed[0];
}
