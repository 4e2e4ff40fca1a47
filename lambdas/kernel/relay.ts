import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { type BusEvent, publish } from './bus';
import { syncClock } from './clock';
import { setAside } from './dead-letter';
import { env } from './env';
import { log, setLogContext } from './log';
import { OUTBOX } from './names';
import { OutboxItem, type Outgoing } from './outbox';
import { sendAll } from './queue';
import { delayFor, schedule, type Timer } from './timer';

const isOutbox = ({ eventName, dynamodb }: DynamoDBRecord): boolean =>
  eventName === 'INSERT' && dynamodb?.Keys?.['sk']?.S === OUTBOX;

async function read(record: DynamoDBRecord): Promise<{ id: string; outbox: Outgoing[] }> {
  const image = unmarshall((record.dynamodb?.NewImage ?? {}) as Record<string, AttributeValue>);
  const item = OutboxItem.safeParse(image);
  if (item.success) return { id: String(image['pk']), outbox: item.data.outbox };
  await setAside({ lane: 'outbox', payload: image, reason: `not an outbox item: ${item.error.message}` });
  return { id: '', outbox: [] };
}

/**
 * The stream handler that sends what a context's transactions have put into its outbox: events to the bus, messages to
 * their queues, with a delay when they are due within two minutes, else as a timer. At least once, in the stream's order
 * within a queue. Throws when anything was not taken: the stream then gives the same records again.
 */
export async function relay(stream: DynamoDBStreamEvent): Promise<void> {
  const source = env('SOURCE');
  setLogContext({ source });
  await syncClock();
  const entries = await Promise.all(stream.Records.filter(isOutbox).map(read));
  const events: BusEvent[] = [];
  const messages: Parameters<typeof sendAll>[0] = [];
  const timers: Timer[] = [];
  for (const { id, outbox } of entries) {
    for (const [index, outgoing] of outbox.entries()) {
      if ('event' in outgoing) {
        events.push(outgoing);
        continue;
      }
      if ('text' in outgoing) {
        messages.push(outgoing);
        continue;
      }
      const { queue, message, due_at } = outgoing;
      const delaySeconds = delayFor(due_at);
      if (delaySeconds !== undefined) messages.push({ queue, body: message, delaySeconds });
      else timers.push({ id: `${id}.${index}`, due_at: due_at ?? '', queue, message });
    }
  }
  await Promise.all([publish(source, events), schedule(timers), sendAll(messages)]);
  log('info', 'relayed', { events: events.length, messages: messages.length, timers: timers.length });
}
