import { ConditionFailed, commit } from '../kernel/commit';
import { table, type Write } from '../kernel/table';

const KEY = { pk: 'CLOSING', sk: 'LOCK' };

/** Longer than a run may take, so that one that died holds up the next hour's at the most once. */
export const HELD_MS = 6 * 60_000;

/** One closing at a time. Real time: it is about runs, not about receipts. @returns whether it is ours now */
export async function takeLock(owner: string): Promise<boolean> {
  const change = { set: { owner, until: new Date(Date.now() + HELD_MS).toISOString() } };
  try {
    await commit({ writes: [table().update(KEY, change, { below: { until: new Date().toISOString() } })] });
    return true;
  } catch (error) {
    if (error instanceof ConditionFailed) return false;
    throw error;
  }
}

/** Part of each transaction of a closing: one that lost its lock meanwhile writes nothing more. */
export const holdsLock = (owner: string): Write => table().check(KEY, { equals: { owner } });

export async function giveLock(owner: string): Promise<void> {
  const write = table().update(KEY, { set: { until: '' } }, { equals: { owner } });
  await commit({ writes: [write] }).catch((error: unknown) => {
    if (!(error instanceof ConditionFailed)) throw error;
  });
}
