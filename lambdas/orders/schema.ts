import * as z from 'zod';
import { Currency, Money, UnitPrice } from '../kernel/money';
import { Line, Text, Timestamp, Uuid } from '../kernel/schema';
import type { DeliveryStatus } from './delivery-schema';

export const PhoneNumber = z
  .string()
  .regex(/^(\+[1-9]\d{6,14}|\d{3,15})$/, 'expected a number like +21658741196 (E.164), or its local digits')
  .meta({ examples: ['+21658741196'] });

/** Names an order between producer and consumer; unique among the orders that exist. */
export const OrderKey = Line(100).meta({ examples: ['ok-0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55'] });

/** What made keys begin with, and no client's key: so a made key is unique without looking. */
export const MADE_KEY_PREFIX = 'ok-';

export const OrderStatus = z.enum(['pending', 'confirmed', 'cancelled']);
export type OrderStatus = z.output<typeof OrderStatus>;

const OrderItem = z.object({
  item_name: Line(200).meta({ examples: ['item1'] }),
  price: UnitPrice,
  quantity: z
    .int()
    .min(1)
    .max(1_000_000)
    .meta({ examples: [1] }),
});

const Contents = z.object({
  address: Text(500).meta({ examples: ['Ariana Nkhilet'] }),
  phone_number: PhoneNumber,
  items: z.array(OrderItem).min(1).max(200),
  total_paid: Money.meta({
    description: 'what was paid; a difference to the sum of the items is flagged, not refused',
  }),
  currency: Currency,
});

const EXAMPLE = {
  address: 'Ariana Nkhilet',
  phone_number: '+21658741196',
  total_paid: 50,
  currency: 'TND',
  items: [
    { item_name: 'item1', price: 20, quantity: 1 },
    { item_name: 'item2', price: 30, quantity: 1 },
  ],
};

export const NewOrder = Contents.extend({
  order_key: OrderKey.refine((key) => !key.startsWith(MADE_KEY_PREFIX), `must not begin with ${MADE_KEY_PREFIX}`)
    .optional()
    .meta({ description: 'unique among all orders; made when absent' }),
}).meta({ examples: [EXAMPLE] });

const Settled = {
  status: OrderStatus.optional(),
  order_key: OrderKey.optional().meta({ description: 'cannot change: refused when it differs' }),
};
/** What PUT takes: the contents whole. */
export const OrderReplacement = Contents.extend(Settled).meta({ examples: [EXAMPLE] });
/** What PATCH takes: any part; a field that does not exist is refused. */
export const OrderChange = Contents.partial()
  .extend(Settled)
  .strict()
  .meta({ examples: [{ status: 'cancelled' }] });
export type OrderChange = z.output<typeof OrderChange>;

export const Order = Contents.extend({
  uuid: Uuid,
  user: z.string().meta({ description: "the owner's uuid" }),
  total_mismatch: z.boolean().meta({ description: 'the sum of the items differs from total_paid' }),
  order_key: OrderKey,
  status: OrderStatus,
  sequence: z.int().meta({ description: 'number of the last change of status; a result must carry a higher one' }),
  task_id: Uuid,
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Order = z.output<typeof Order>;

export const StatusChange = z.object({
  at: Timestamp,
  status: OrderStatus,
  sequence: z.int(),
  by: z.string(),
  task_id: Uuid.nullable(),
});
export type StatusChange = z.output<typeof StatusChange>;

export const TaskName = z.enum(['process_order', 'process_message']);
/** Celery's states. */
export const TaskState = z.enum(['PENDING', 'STARTED', 'RETRY', 'SUCCESS', 'FAILURE', 'REVOKED']);
export type TaskState = z.output<typeof TaskState>;

/** An address for webhooks that a caller chose. */
const WebhookUrl = z
  .string()
  .max(2_000)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && /^https?:$/.test(url.protocol) && !url.username && !url.password;
  }, 'expected an http or https address without user and password')
  .meta({ format: 'uri', examples: ['https://shop.example/hooks/orders'] });

export const NewMessage = z.object({
  webhook_url: WebhookUrl,
  address: Text(500).meta({ examples: ['Ariana Nkhilet'] }),
  phone_number: PhoneNumber,
  order_key: OrderKey,
  status: Line(50).meta({ examples: ['pending'] }),
  currency: Currency,
});

/** The work that a message asks for. Rides the bus and the queue, and is part of the task's record. */
export const TaskMessage = z.object({
  task_id: Uuid,
  name: TaskName,
  owner: z.string().meta({ description: 'who asked for it; signs the webhook with their secret' }),
  order: Uuid.nullable().meta({ description: 'the order of this shop that it is for' }),
  sequence: z.int().meta({ description: 'the number that the result will carry' }),
  webhook_url: z
    .string()
    .meta({ description: 'where the result goes; below the base address for an order of this shop' }),
  address: z.string().nullable(),
  phone_number: z.string().nullable(),
  order_key: z.string(),
  status: z.string(),
  currency: z.string(),
  created_at: Timestamp,
});
export type TaskMessage = z.output<typeof TaskMessage>;

/** The message in the queue. Once the task was revoked, corrected or retried by hand, older messages are void. */
export const QueuedTask = TaskMessage.extend({ edits: z.int().optional() });
export type QueuedTask = z.output<typeof QueuedTask>;

export const TaskAttempt = z.object({
  number: z.int(),
  queued_at: Timestamp.nullable().default(null),
  started_at: Timestamp,
  ended_at: Timestamp.nullable(),
  error: z.string().nullable(),
});
export type TaskAttempt = z.output<typeof TaskAttempt>;

export const Task = TaskMessage.extend({
  state: TaskState,
  result: z.string().nullable().default(null),
  error: z.string().nullable().default(null).meta({ description: 'the last failure' }),
  attempts: z.array(TaskAttempt).default([]),
  queued_at: Timestamp.nullable().default(null).meta({ description: 'for the first time' }),
  started_at: Timestamp.nullable().default(null).meta({ description: 'the last attempt' }),
  ended_at: Timestamp.nullable().default(null),
});
export type Task = z.output<typeof Task>;

/** What tells the producer that a task has ended, and what it keeps of it. */
export const TaskResult = z.object({
  task_id: Uuid,
  order: Uuid.nullable(),
  order_key: z.string(),
  state: TaskState,
  result: z.string().nullable(),
  error: z.string().nullable(),
  sequence: z.int(),
  ended_at: Timestamp,
});
export type TaskResult = z.output<typeof TaskResult>;

/** The detail of `TaskSucceeded`, `TaskFailed` and `TaskRevoked`: a task's end, and what is counted of it. */
export type TaskEnd = TaskResult & Pick<Task, 'name' | 'created_at' | 'started_at'>;

export const StoredTaskResult = TaskResult.extend({ received_at: Timestamp });
export type StoredTaskResult = z.output<typeof StoredTaskResult>;

const ResultContents = z.object({
  order: Uuid.nullable(),
  order_key: OrderKey,
  state: TaskState.meta({ examples: ['SUCCESS'] }),
  result: Text(500)
    .nullable()
    .meta({ examples: ['TNDok-0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55pending'] }),
  error: Text(500).nullable(),
  sequence: z.int().min(1),
});
const { order, result, error, sequence } = ResultContents.shape;
/** What PUT takes: the contents whole. */
export const TaskResultReplacement = ResultContents.extend({
  order: order.default(null),
  result: result.default(null),
  error: error.default(null),
  sequence: sequence.default(1),
});
export const NewTaskResult = TaskResultReplacement.extend({ task_id: Uuid });
/** What PATCH takes: any part, without defaults, which would fill in what was not sent. */
export const TaskResultChange = ResultContents.partial().strict();

/** The body of a webhook: what came of a task. */
export const StatusUpdate = z.object({
  task_id: Uuid,
  order_key: OrderKey,
  status: OrderStatus.meta({ examples: ['confirmed'] }),
  result: Text(500).meta({ examples: ['TNDok-0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55pending'] }),
  sequence: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .meta({ examples: [1] }),
});
export type StatusUpdate = z.output<typeof StatusUpdate>;

export const WebhookSecret = z.object({
  secret: z.string().meta({ description: 'base64 after whsec_; verify signatures with it', examples: ['whsec_…'] }),
  version: z.int(),
  since: Timestamp.nullable().meta({ description: 'null: it was never rotated' }),
  previous_until: Timestamp.nullable().meta({ description: 'until then the secret before it signs too' }),
});

export const TimelineEvent = z.object({
  at: Timestamp,
  event: z.enum([
    'stored',
    'queued',
    'attempt',
    'task',
    'result',
    'delivery_attempt',
    'delivery',
    'status',
    'superseded',
  ]),
  /** What happened, for people. */
  text: z.string(),
  detail: z.record(z.string(), z.unknown()),
});
export type TimelineEvent = z.output<typeof TimelineEvent>;

export const Timeline = z.object({
  uuid: Uuid,
  order_key: z.string(),
  status: OrderStatus,
  sequence: z.int(),
  task_id: Uuid,
  events: z.array(TimelineEvent),
  waiting_for: z.string().nullable().meta({ description: 'why it is not done yet; null when it is' }),
});
export type Timeline = z.output<typeof Timeline>;

/** What is not done: states that are left sooner or later, or that wait for an operator. */
export const UNFINISHED = {
  orders: ['pending'],
  tasks: ['PENDING', 'STARTED', 'RETRY', 'FAILURE', 'REVOKED'],
  deliveries: ['pending', 'exhausted', 'disabled'],
} as const satisfies Record<string, readonly (OrderStatus | TaskState | DeliveryStatus)[]>;

const counts = <const T extends readonly string[]>(states: T) => z.record(z.enum(states), z.int());

export const UnfinishedCounts = z.object({
  orders: counts(UNFINISHED.orders),
  tasks: counts(UNFINISHED.tasks),
  deliveries: counts(UNFINISHED.deliveries),
  at_least: z.array(z.string()).meta({ examples: [['tasks.FAILURE']] }),
});
