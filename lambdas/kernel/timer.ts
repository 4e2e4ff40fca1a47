import { setTimeout as pause } from 'node:timers/promises';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { now, syncClock } from './clock';
import { documents } from './documents';
import { env } from './env';
import { shardOf, shards } from './id';
import { log } from './log';
import { hasQueue, sendAll } from './queue';
import { table, writeOne } from './table';

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
const WRITE_BATCH = 25;
const RESERVE_MS = 10_000;

type Request = NonNullable<BatchWriteCommand['input']['RequestItems']>[string][number];

/** Calls in a row of which the table takes nothing, before the tick gives up: the next one goes on. */
const FRUITLESS_CALLS = 5;

async function write(all: Request[]): Promise<void> {
  for (let start = 0; start < all.length; start += WRITE_BATCH) {
    let requests = all.slice(start, start + WRITE_BATCH);
    for (let fruitless = 0; requests.length; ) {
      const command = new BatchWriteCommand({ RequestItems: { [env('TIMERS_TABLE')]: requests } });
      const { UnprocessedItems } = await documents.send(command);
      const left = UnprocessedItems?.[env('TIMERS_TABLE')] ?? [];
      fruitless = left.length < requests.length ? 0 : fruitless + 1;
      if (fruitless > FRUITLESS_CALLS) throw new Error('the timers table takes nothing');
      if (left.length) await pause(Math.random() * 25 * 2 ** fruitless);
      requests = left;
    }
  }
}

/** Where timers stay whose queue this deployment does not have: kept, and in nobody's way. */
const STRANDED = 'STRANDED';

async function release(due: StoredTimer[]): Promise<void> {
  const known = due.filter(({ queue }) => hasQueue(queue));
  const stranded = due.filter(({ queue }) => !hasQueue(queue));
  await sendAll(
    known.map(({ queue, message, due_at }) => ({ queue, body: message, delaySeconds: delayFor(due_at) ?? 0 })),
  );
  for (const { id, queue, due_at } of stranded)
    log('error', 'no such queue: the timer is kept apart', { id, queue, due_at });
  await write(stranded.map((timer) => ({ PutRequest: { Item: { ...timer, pk: STRANDED } } })));
  await write(due.map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } })));
}

async function releasePartition(partition: string, to: string, remainingMs: () => number): Promise<number> {
  let released = 0;
  while (remainingMs() > RESERVE_MS) {
    const { items } = await timers.query(StoredTimer, { partition, to, ascending: true, limit: PAGE });
    if (!items.length) break;
    await release(items);
    released += items.length;
  }
  return released;
}

/**
 * One tick of the timer: moves what falls due within the horizon to its queues, with the delay that is left, so that it
 * arrives to the second. Sends before it deletes: a crash between sends twice, and receivers are safe to run twice.
 * Stops in time for its own end (`remainingMs`); the next tick goes on. Cost: one query a partition when nothing is due.
 */
export async function tick(remainingMs: () => number): Promise<{ released: number }> {
  await syncClock();
  const to = new Date(now().getTime() + HORIZON_SECONDS * 1_000).toISOString();
  // side by side: many of one hold up no other
  const outcomes = await Promise.allSettled(shards('DUE').map((one) => releasePartition(one, to, remainingMs)));
  const released = outcomes.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0);
  const failures = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  log('info', 'tick', { released, failed: failures.length });
  // one partition's trouble holds up no other, and is an error of the function all the same
  if (failures.length) throw failures[0];
  return { released };
}
