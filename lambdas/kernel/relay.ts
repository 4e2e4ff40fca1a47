import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { type BusEvent, publish } from './bus';
import { now, syncClock } from './clock';
import { setAside } from './dead-letter';
import { env } from './env';
import { log, setLogContext } from './log';
import { OUTBOX } from './names';
import { OutboxItem, type Outgoing } from './outbox';
import { hasQueue, sendAll } from './queue';
import { delayFor, schedule, type Timer } from './timer';

const isOutbox = ({ eventName, dynamodb }: DynamoDBRecord): boolean =>
  eventName === 'INSERT' && dynamodb?.Keys?.['sk']?.S === OUTBOX;

interface Entry {
  id: string;
  outbox: Outgoing[];
  /** Whether a queue that there is not will not come either: a deployment that brings one takes minutes. */
  isSettled: boolean;
}

const DEPLOYING_MS = 10 * 60_000;

async function read(record: DynamoDBRecord): Promise<Entry> {
  const image = unmarshall((record.dynamodb?.NewImage ?? {}) as Record<string, AttributeValue>);
  const item = OutboxItem.safeParse(image);
  if (item.success) {
    const { outbox, created_at } = item.data;
    return { id: String(image['pk']), outbox, isSettled: now().getTime() - Date.parse(created_at) > DEPLOYING_MS };
  }
  await setAside({ lane: 'outbox', payload: image, reason: `not an outbox item: ${item.error.message}` });
  return { id: '', outbox: [], isSettled: true };
}

/**
 * The stream handler that sends what a context's transactions have put into its outbox: events to the bus, messages to
 * their queues, with a delay when they are due within two minutes, else as a timer. At least once, in the stream's order
 * within a queue. Throws when anything was not taken: the stream then gives the same records again. What is for a queue that
 * there is no more is set aside, and holds up nothing.
 */
export async function relay(stream: DynamoDBStreamEvent): Promise<void> {
  const source = env('SOURCE');
  setLogContext({ source });
  await syncClock();
  const entries = await Promise.all(stream.Records.filter(isOutbox).map(read));
  const events: BusEvent[] = [];
  const messages: Parameters<typeof sendAll>[0] = [];
  const timers: Timer[] = [];
  const lost: Outgoing[] = [];
  for (const { id, outbox, isSettled } of entries) {
    for (const [index, outgoing] of outbox.entries()) {
      if ('event' in outgoing) {
        events.push(outgoing);
        continue;
      }
      const { queue } = outgoing;
      const { message, due_at } = 'text' in outgoing ? {} : outgoing;
      const delaySeconds = delayFor(due_at);
      if (delaySeconds === undefined) timers.push({ id: `${id}.${index}`, due_at: due_at ?? '', queue, message });
      else if (isSettled && !hasQueue(queue)) lost.push(outgoing);
      else messages.push('text' in outgoing ? outgoing : { queue, body: message, delaySeconds });
    }
  }
  await Promise.all([publish(source, events), schedule(timers), sendAll(messages)]);
  await Promise.all(lost.map((payload) => setAside({ lane: 'outbox', payload, reason: 'there is no such queue' })));
  log('info', 'relayed', { events: events.length, messages: messages.length, timers: timers.length });
}
