import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import type { Handler } from '../kernel/http';
import { inParallel } from '../kernel/parallel';
import { sqs } from '../kernel/queue';
import { table, writeOne } from '../kernel/table';
import type { Operations } from './contract';
import { type Lane, lanes } from './lanes';
import { deadCounts } from './letters';
import type { QueueState } from './schema';

/** Calls to SQS at once. */
const AT_ONCE = 8;

export type Depth = Pick<QueueState, 'waiting' | 'in_flight' | 'delayed'>;

async function depthOf(QueueUrl: string): Promise<Depth> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return {
    waiting: Number(Attributes['ApproximateNumberOfMessages']),
    in_flight: Number(Attributes['ApproximateNumberOfMessagesNotVisible']),
    delayed: Number(Attributes['ApproximateNumberOfMessagesDelayed']),
  };
}

/** How full each lane with a queue is, by name. One call of SQS a lane, eight at once. */
export async function depths(): Promise<(Depth & { lane: Lane })[]> {
  const found: (Depth & { lane: Lane })[] = [];
  await inParallel(AT_ONCE, lanes(), async (lane) => {
    if (lane.queue) found.push({ lane, ...(await depthOf(lane.queue)) });
  });
  return found.sort((a, b) => (a.lane.name < b.lane.name ? -1 : 1));
}

const sightings = table();
const SIGHTINGS = { pk: 'LANES', sk: 'EMPTY' };
/** When each lane was seen empty last. */
const Sightings = z.record(z.string(), z.string());

/** Notes which lanes are empty now: what is found waiting later came after that. One write. */
export async function noteEmpty(): Promise<void> {
  const at = timestamp();
  const empty = (await depths()).filter(({ waiting, in_flight }) => waiting + in_flight === 0);
  if (!empty.length) return;
  const set = Object.fromEntries(empty.map(({ lane }) => [lane.name, at]));
  await writeOne(sightings.update(SIGHTINGS, { set }));
}

/** One call of SQS a lane and two reads. */
export const listQueues: Handler<Operations['listQueues']> = async () => {
  const [found, dead, empty] = await Promise.all([depths(), deadCounts(), sightings.find(Sightings, SIGHTINGS)]);
  return {
    results: found.map(({ lane: { name, context, role }, ...depth }) => ({
      lane: name,
      context,
      role,
      ...depth,
      dead: dead[name] ?? 0,
      oldest_since: depth.waiting ? (empty?.[name] ?? null) : null,
    })),
  };
};
