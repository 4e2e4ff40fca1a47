import { commitIf } from '../kernel/commit';
import { table, type Write } from '../kernel/table';

const KEY = { pk: 'CLOSING', sk: 'LOCK' };

/** Longer than a run may take, so that one that died holds up the next hour's at the most once. */
export const HELD_MS = 6 * 60_000;

/** One closing at a time. Real time: it is about runs, not about receipts. @returns whether it is ours now */
export const takeLock = (owner: string): Promise<boolean> => {
  const change = { set: { owner, until: new Date(Date.now() + HELD_MS).toISOString() } };
  return commitIf({ writes: [table().update(KEY, change, { below: { until: new Date().toISOString() } })] });
};

/** Part of each transaction of a closing: one that lost its lock meanwhile writes nothing more. */
export const holdsLock = (owner: string): Write => table().check(KEY, { equals: { owner } });

export async function giveLock(owner: string): Promise<void> {
  await commitIf({ writes: [table().update(KEY, { set: { until: '' } }, { equals: { owner } })] });
}
