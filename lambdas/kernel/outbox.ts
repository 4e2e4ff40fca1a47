import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { expiry, timestamp } from './clock';
import { OUTBOX } from './names';
import { table, type Write } from './table';

/** An event for the bus, or a message for one queue: a text as it stands, or any JSON, at once or at a time. */
export const Outgoing = z.union([
  z.object({ event: z.string(), detail: z.unknown() }),
  z.object({ queue: z.string(), text: z.string() }),
  z.object({ queue: z.string(), message: z.unknown(), due_at: z.string().optional() }),
]);
export type Outgoing = z.output<typeof Outgoing>;

/** What the stream shows of an item of the outbox. */
export const OutboxItem = z.object({ sk: z.literal(OUTBOX), outbox: z.array(Outgoing), created_at: z.string() });

/** Long enough to see what was sent when something has to be explained. */
const KEPT_SECONDS = 7 * 24 * 3_600;

/**
 * The write that makes events and messages part of a transaction: stored with the state they speak of, sent by the
 * relay, never the one without the other. All of them are one item. Read by nobody but the stream.
 */
export const outboxWrite = (outbox: Outgoing[]): Write =>
  table().put({
    pk: `${OUTBOX}#${randomUUID()}`,
    sk: OUTBOX,
    outbox,
    created_at: timestamp(),
    expires_at: expiry(KEPT_SECONDS),
  });
