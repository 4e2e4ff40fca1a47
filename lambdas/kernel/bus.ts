import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { env } from './env';

export const bus = new EventBridgeClient({});

export interface BusEvent {
  /** The event's name in the past tense, EventBridge's `detail-type`: `OrderPlaced`. */
  event: string;
  detail: unknown;
}

const BATCH = 10;

/** Puts events on the bus `BUS_NAME` in batches of ten, EventBridge's limit. Throws when any was not taken. */
export async function publish(source: string, events: BusEvent[]): Promise<void> {
  for (let start = 0; start < events.length; start += BATCH) {
    const Entries = events.slice(start, start + BATCH).map(({ event, detail }) => ({
      EventBusName: env('BUS_NAME'),
      Source: source,
      DetailType: event,
      Detail: JSON.stringify(detail),
    }));
    const { FailedEntryCount } = await bus.send(new PutEventsCommand({ Entries }));
    if (FailedEntryCount) throw new Error(`${FailedEntryCount} of ${Entries.length} events were not taken`);
  }
}
