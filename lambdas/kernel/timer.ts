import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { now, syncClock } from './clock';
import { documents } from './documents';
import { env } from './env';
import { shardOf, shards } from './id';
import { log } from './log';
import { sendAll } from './queue';
import { type Key, table, writeOne } from './table';

/** A message for a queue, due at a time. The same id at the same time is one timer. */
export const Timer = z.object({ id: z.string(), due_at: z.string(), queue: z.string(), message: z.unknown() });
export type Timer = z.output<typeof Timer>;

const StoredTimer = Timer.extend({ pk: z.string(), sk: z.string() });
type StoredTimer = z.output<typeof StoredTimer>;

/**
 * How far ahead a message goes straight to its queue with a delay. Two minutes are more than a tick with a late rule
 * takes (EventBridge fires a rule within its minute), so nothing falls between; SQS would hold up to 900 seconds, but
 * what waits there no longer follows a moved clock.
 */
export const HORIZON_SECONDS = 120;

/** How long a message due then has to wait in its queue; undefined when it is too far ahead for that. */
export function delayFor(dueAt: string | undefined): number | undefined {
  if (dueAt === undefined) return 0;
  const seconds = (new Date(dueAt).getTime() - now().getTime()) / 1_000;
  return seconds > HORIZON_SECONDS ? undefined : Math.max(0, seconds);
}

const timers = table('TIMERS_TABLE');

/** Stores timers in the due-index, spread over partitions. One write each; safe to repeat. */
export async function schedule(due: Timer[]): Promise<void> {
  await Promise.all(
    due.map((timer) =>
      writeOne(timers.put({ pk: shardOf('DUE', timer.id), sk: `${timer.due_at}#${timer.id}`, ...timer })),
    ),
  );
}

const PAGE = 200;
const DELETE_BATCH = 25;
const RESERVE_MS = 10_000;

async function remove(keys: Key[]): Promise<void> {
  for (let start = 0; start < keys.length; start += DELETE_BATCH) {
    let requests = keys
      .slice(start, start + DELETE_BATCH)
      .map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } }));
    while (requests.length) {
      const command = new BatchWriteCommand({ RequestItems: { [env('TIMERS_TABLE')]: requests } });
      const { UnprocessedItems } = await documents.send(command);
      requests = (UnprocessedItems?.[env('TIMERS_TABLE')] ?? []) as typeof requests;
    }
  }
}

async function release(due: StoredTimer[]): Promise<void> {
  await sendAll(
    due.map(({ queue, message, due_at }) => ({ queue, body: message, delaySeconds: delayFor(due_at) ?? 0 })),
  );
  await remove(due);
}

/**
 * One tick of the timer: moves what falls due within the horizon to its queues, with the delay that is left, so that it
 * arrives to the second. Sends before it deletes: a crash between sends twice, and receivers are safe to run twice.
 * Stops in time for its own end (`remainingMs`); the next tick goes on. Cost: one query a partition when nothing is due.
 */
export async function tick(remainingMs: () => number): Promise<{ released: number }> {
  await syncClock();
  const to = new Date(now().getTime() + HORIZON_SECONDS * 1_000).toISOString();
  let released = 0;
  for (const partition of shards('DUE')) {
    while (remainingMs() > RESERVE_MS) {
      const { items } = await timers.query(StoredTimer, { partition, to, ascending: true, limit: PAGE });
      if (!items.length) break;
      await release(items);
      released += items.length;
    }
  }
  log('info', 'tick', { released });
  return { released };
}
