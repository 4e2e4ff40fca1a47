import { env } from '../kernel/env';
import type { StoredMailing } from './mailings';
import { chunkSize } from './rate';

/** Messages of one mailing on their way at once, at the most. */
const ON_THE_WAY = 1_200;
/** What of them comes back tells how many there may be: so many seconds' worth, lest a slow service hold up all senders. */
const PACE_SECONDS = 4;
/** The pace is measured over so long, or a little more. */
const PACE_MS = 2_000;

/** How many messages of a mailing may be on their way: two chunks for each sender, more while they come back fast. */
export function allowance({ pace }: StoredMailing, returned: number): number {
  const seconds = pace ? Math.max(1, Date.now() - pace.at_ms) / 1_000 : 1;
  const back = returned - (pace?.returned ?? 0);
  return Math.min(ON_THE_WAY, Math.max(2 * Number(env('SENDERS')) * chunkSize(), (PACE_SECONDS * back) / seconds));
}

/** The pace to remember with a mailing's next write; nothing while the last one is fresh. */
export const paceOf = ({ pace }: StoredMailing, returned: number): Pick<StoredMailing, 'pace'> =>
  pace && Date.now() - pace.at_ms < PACE_MS ? {} : { pace: { at_ms: Date.now(), returned } };
