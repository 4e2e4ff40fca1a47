import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import * as z from 'zod';
import { expiry, syncClock } from '../kernel/clock';
import { ConditionFailed, commit } from '../kernel/commit';
import { setAside } from '../kernel/dead-letter';
import { log, setLogContext } from '../kernel/log';
import { table } from '../kernel/table';
import { noteRun } from './schedules';
import { countWrites, TaskEnd } from './task-counts';

/** A schedule's rule has fired. */
const Fired = z.object({ schedule: z.string(), at: z.string() });
const Message = z.union([TaskEnd, Fired]);

const seen = table();
/** Longer than a queue and a bus may take to tell something again. */
const SEEN_SECONDS = 21 * 24 * 3_600;

const seenWrite = ({ task_id, state, ended_at }: TaskEnd) =>
  seen.put({ pk: `SEEN#${task_id}`, sk: `${state}#${ended_at}`, expires_at: expiry(SEEN_SECONDS) }, { exists: false });

/** Of the same end told twice in one batch, one. */
const distinct = (ends: TaskEnd[]): TaskEnd[] => [
  ...new Map(ends.map((end) => [`${end.task_id} ${end.state} ${end.ended_at}`, end])).values(),
];

/**
 * Counts ends, each once however often it is told: with the counters, in the same transaction, it is noted that they were
 * counted. One transaction of an item for each and three or four counters; again without those that were counted before.
 */
async function countEnds(ends: TaskEnd[]): Promise<number> {
  let rest = distinct(ends);
  while (rest.length) {
    try {
      await commit({ writes: [...rest.map(seenWrite), ...countWrites(rest)] });
      return rest.length;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      const { index: known } = error;
      rest = rest.filter((_, index) => index !== known);
    }
  }
  return 0;
}

async function read({ body }: SQSRecord): Promise<z.output<typeof Message>[]> {
  let payload: unknown = body;
  try {
    payload = JSON.parse(body);
  } catch {
    // a text that is no JSON does not have the shape either
  }
  const message = Message.safeParse(payload);
  if (message.success) return [message.data];
  await setAside({ lane: 'events', payload, reason: `not an event that is counted: ${message.error.message}` });
  return [];
}

/** The handler of a batch of events: all of it is counted, or all of it comes again. */
export async function tally({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  setLogContext({ lane: 'events' });
  await syncClock();
  const messages = (await Promise.all(Records.map(read))).flat();
  const ends = messages.flatMap((message) => ('task_id' in message ? [message] : []));
  const counted = await countEnds(ends);
  for (const message of messages) if ('schedule' in message) await noteRun(message.schedule, message.at);
  log('info', 'tally', { messages: Records.length, counted });
  return { batchItemFailures: [] };
}
