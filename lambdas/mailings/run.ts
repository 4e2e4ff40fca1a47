import { setTimeout as sleep } from 'node:timers/promises';
import type { Receipt } from '../kernel/batch';
import { now, secondsAfter, timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { log } from '../kernel/log';
import { queueUrl, send } from '../kernel/queue';
import { HORIZON_SECONDS } from '../kernel/timer';
import { findMailing, mailings, RUN_QUEUE, RUNS, type RunMessage, StoredMailing } from './mailings';
import { advance, DEAD_SECONDS, LOOK_SECONDS, step } from './step';

const Overdue = StoredMailing.pick({ id: true, version: true });

/** A driver goes on so long by itself, then by a new message, behind those of mailings that want to start. */
const DRIVE_MS = 1_500;
/** While there is more of the audience to hand out, it waits so long for room. */
const LINGER_MS = 1_000;
const LOOK_MS = 200;
/** While messages are on their way, those that have come back to be tried again are looked for this often. */
const LOOK_FOR_DUE_MS = 1_000;

/** Among many that start at once, one that had to wait leaves the others so much more time, three seconds at the most. */
const MOST_PATIENCE_SECONDS = 3;
function patience({ wake_at, created_at }: StoredMailing): number {
  const late = (now().getTime() - Math.max(Date.parse(wake_at), Date.parse(created_at))) / 1_000;
  return Math.min(MOST_PATIENCE_SECONDS, Math.max(0, late));
}

/** Looks at a mailing again soon, as it was just written: should this message be lost, it counts as one whose driver died. */
async function lookSoon({ id, version, step }: StoredMailing, delaySeconds: number): Promise<void> {
  await send(queueUrl(RUN_QUEUE), [{ body: { mailing: id, version, step } satisfies RunMessage, delaySeconds }]);
}

/** Looks at a mailing again at a time: by a message that waits in its queue, or by the timer when that is far ahead. */
async function comeBack(mailing: StoredMailing, at: string): Promise<void> {
  const message: RunMessage = { mailing: mailing.id, version: mailing.version, step: mailing.step + 1 };
  const seconds = (Date.parse(at) - now().getTime()) / 1_000;
  const isNear = seconds <= HORIZON_SECONDS;
  const write = advance(mailing, { wake_at: at });
  const emit = isNear ? [] : [{ queue: RUN_QUEUE, message, due_at: at }];
  const isCurrent = await commitIf({ writes: [write], emit });
  // should this fail, the message that brought us here comes again
  if (isCurrent && isNear) await send(queueUrl(RUN_QUEUE), [{ body: message, delaySeconds: Math.max(0, seconds) }]);
}

/**
 * Drives a mailing from start to end. A message of a version that is no longer current does nothing, nor one of a step that
 * is past, unless it comes again: its driver may have failed behind its first write. Of two that drive the same mailing at
 * once, one finds itself overtaken at its next look or write, and stops.
 */
export async function run({ mailing: id, version, step: from }: RunMessage, { receiveCount }: Receipt): Promise<void> {
  const started = Date.now();
  let lookedAt = 0;
  let expected = receiveCount > 1 ? undefined : from;
  let known: StoredMailing | undefined;
  let waited: number | undefined;
  for (;;) {
    const mailing = known ?? (await findMailing(id));
    if (mailing?.version !== version || (expected !== undefined && mailing.step !== expected)) return;
    waited ??= patience(mailing);
    const looksForDue = Date.now() - lookedAt > LOOK_FOR_DUE_MS;
    if (looksForDue) lookedAt = Date.now();
    const next = await step(mailing, looksForDue);
    if (next === 'over') return;
    const hasTime = Date.now() - started < DRIVE_MS;
    if ('id' in next) {
      if (!hasTime) return comeBack(next, timestamp());
      // all is read and has just been handed out: what comes of it is to be seen later, others want to start
      if (next.is_read && !mailing.is_read) return lookSoon(next, LOOK_SECONDS + waited);
      // as this driver has just written it: who has changed it since makes the next write fail
      known = next;
      expected = next.step;
      continue;
    }
    known = undefined;
    expected = mailing.step;
    const waitMs = next.isSoon ? LOOK_MS : Math.max(0, Date.parse(next.at) - now().getTime());
    if (mailing.is_read || waitMs > LINGER_MS || !hasTime) return comeBack(mailing, next.at);
    await sleep(waitMs);
  }
}

/** Puts runs whose driver died back on their way. One query; runs by schedule. */
export async function reviveRuns(): Promise<{ revived: number }> {
  const { items } = await mailings.query(Overdue, {
    index: 'gsi2',
    partition: RUNS,
    to: secondsAfter(now(), -DEAD_SECONDS),
    ascending: true,
    limit: 200,
  });
  const messages = items.map(({ id, version }) => ({ body: { mailing: id, version } satisfies RunMessage }));
  await send(queueUrl(RUN_QUEUE), messages);
  log('info', 'runs revived', { revived: messages.length });
  return { revived: messages.length };
}
