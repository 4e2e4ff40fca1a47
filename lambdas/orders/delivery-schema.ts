import * as z from 'zod';
import { Timestamp, Uuid } from '../kernel/schema';

export const DeliveryStatus = z
  .enum(['pending', 'delivered', 'exhausted', 'disabled'])
  .meta({ description: 'disabled: nothing is sent to the address any more, see `reason`' });
export type DeliveryStatus = z.output<typeof DeliveryStatus>;

export const DeliveryAttempt = z.object({
  number: z.int(),
  at: Timestamp,
  ms: z.number().meta({ description: 'how long it took' }),
  status_code: z.int().nullable(),
  error: z.string().nullable(),
  response: z.string().nullable().meta({ description: 'how the answer begins' }),
});
export type DeliveryAttempt = z.output<typeof DeliveryAttempt>;

export const DeliveryId = z
  .string()
  .regex(/^msg_[0-9a-f-]{36}$/)
  .meta({
    description: 'the `webhook-id` of all its attempts',
    examples: ['msg_0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55'],
  });

export const Delivery = z.object({
  id: DeliveryId,
  task_id: Uuid,
  order: Uuid.nullable(),
  owner: z.string(),
  url: z.string(),
  payload: z.string(),
  status: DeliveryStatus,
  attempts: z.array(DeliveryAttempt),
  tries: z.int().meta({ description: 'attempts since the delivery was made or last replayed; ten are made' }),
  reason: z
    .string()
    .nullable()
    .default(null)
    .meta({ description: 'why its address is disabled: it answered 410, or failed for days' }),
  next_attempt_at: Timestamp.nullable().default(null),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Delivery = z.output<typeof Delivery>;
