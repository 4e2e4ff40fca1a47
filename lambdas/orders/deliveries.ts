import { createHash } from 'node:crypto';
import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import type { Handler } from '../kernel/http';
import { shardOf, shards } from '../kernel/id';
import type { Idempotency } from '../kernel/idempotency';
import type { Outgoing } from '../kernel/outbox';
import { mergedPage } from '../kernel/page';
import { conflict, notFound } from '../kernel/problem';
import { type Key, table, type Write, writeOne } from '../kernel/table';
import type { Operations } from './contract';
import { Delivery, type DeliveryStatus } from './delivery-schema';
import type { StatusUpdate, TaskMessage } from './schema';

const deliveries = table();

/** The delivery with what only this context sees: `turn` counts its moves, and a message of an earlier turn is void. */
const StoredDelivery = Delivery.extend({ turn: z.number(), replayed_at: z.string().optional() });
export type StoredDelivery = z.output<typeof StoredDelivery>;

/** Asks for the attempt that is due in this turn. An order's first carries its delivery, which spares a read. */
export const DeliveryTurn = z.object({ id: z.string(), turn: z.number(), delivery: StoredDelivery.optional() });
export type DeliveryTurn = z.output<typeof DeliveryTurn>;

/**
 * Seconds from each attempt to the next: with the first at once, ten attempts over 75 h 35 min.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
 */
export const DELAYS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

const ID = 'msg_';
/** Attempts that a replay keeps: those of four rounds. */
const KEPT = 40;

/** A task has one delivery, whose id tells the task's: so whatever makes it twice makes the same. */
export const deliveryKey = (id: string): Key => ({ pk: `TASK#${id.slice(ID.length)}`, sk: 'DELIVERY' });

export const deliveryPartition = (status: DeliveryStatus, id: string): string => shardOf(`DELIVERIES#${status}`, id);
const sortKey = ({ created_at, id }: Delivery): string => `${created_at}#${id}`;

/** An address of this shop's own, below its base address; any other was chosen by a caller. */
export const isOwn = (url: string): boolean => url.startsWith('/');

/** Where it is noted that a receiver wants no more, or no more for a while. */
export const endpointKey = (url: string): Key => ({
  pk: `ENDPOINT#${createHash('sha256').update(url).digest('hex')}`,
  sk: 'ENDPOINT',
});

/** What goes to addresses that callers chose has a lane of its own: slow ones hold up no order. */
const laneOf = (url: string): string => (isOwn(url) ? 'ORDERS_DELIVERIES' : 'ORDERS_CALLBACKS');

/** The message for a turn of a delivery. */
export const send = ({ id, turn, url }: Pick<StoredDelivery, 'id' | 'turn' | 'url'>, due_at?: string): Outgoing => ({
  queue: laneOf(url),
  message: { id, turn } satisfies DeliveryTurn,
  ...(due_at && { due_at }),
});

/** The delivery of a task's result: its write and the message for its first attempt. */
export function newDelivery(message: TaskMessage, result: string, at: string): { write: Write; first: Outgoing } {
  const { task_id, order, owner, webhook_url: url, order_key, sequence } = message;
  const update: StatusUpdate = { task_id, order_key, status: 'confirmed', result, sequence };
  const delivery: StoredDelivery = {
    id: `${ID}${task_id}`,
    task_id,
    order,
    owner,
    url,
    payload: JSON.stringify(update),
    status: 'pending',
    attempts: [],
    tries: 0,
    reason: null,
    next_attempt_at: at,
    turn: 1,
    created_at: at,
    updated_at: at,
  };
  const { id } = delivery;
  const indexes = {
    gsi2pk: shardOf('DELIVERIES', id),
    gsi2sk: sortKey(delivery),
    gsi3pk: deliveryPartition('pending', id),
    gsi3sk: sortKey(delivery),
  };
  const write = deliveries.put({ ...delivery, ...deliveryKey(id), ...indexes }, { exists: false });
  const first: DeliveryTurn = { id, turn: delivery.turn, ...(isOwn(url) && { delivery }) };
  return { write, first: { queue: laneOf(url), message: first } };
}

export const findDelivery = (id: string): Promise<StoredDelivery | undefined> =>
  deliveries.find(StoredDelivery, deliveryKey(id));

async function deliveryOf(id: string): Promise<StoredDelivery> {
  const delivery = await findDelivery(id);
  if (!delivery) throw notFound('delivery');
  return delivery;
}

export const listDeliveries: Handler<Operations['listDeliveries']> = (call) => {
  const { status } = call.query;
  return status
    ? mergedPage(deliveries, Delivery, call, { index: 'gsi3', partitions: shards(`DELIVERIES#${status}`), sortKey })
    : mergedPage(deliveries, Delivery, call, { index: 'gsi2', partitions: shards('DELIVERIES'), sortKey });
};

export const getDelivery: Handler<Operations['getDelivery']> = ({ params }) => deliveryOf(params.id);

/** Forgets how addresses failed: webhooks go there again. One write each; harmless when what follows fails. */
async function enable(of: StoredDelivery[]): Promise<void> {
  const urls = new Set(of.flatMap(({ url }) => (isOwn(url) ? [] : [url])));
  await Promise.all([...urls].map((url) => writeOne(deliveries.delete(endpointKey(url)))));
}

/** Gives a delivery all its tries again, from now on. @returns undefined when it has just moved on */
async function replay(delivery: StoredDelivery, idempotency?: Idempotency): Promise<Delivery | undefined> {
  const { id, url, turn } = delivery;
  const at = timestamp();
  const set = {
    status: 'pending' as const,
    attempts: delivery.attempts.slice(-KEPT),
    tries: 0,
    turn: turn + 1,
    reason: null,
    replayed_at: at,
    next_attempt_at: at,
    updated_at: at,
  };
  const next = Delivery.parse({ ...delivery, ...set });
  const change = { set: { ...set, gsi3pk: deliveryPartition('pending', id) } };
  const replayed = await commitIf({
    writes: [deliveries.update(deliveryKey(id), change, { equals: { turn } })],
    emit: [send({ id, url, turn: turn + 1 })],
    idempotency: idempotency?.remember({ status: 202, body: next, headers: {} }),
  });
  return replayed ? next : undefined;
}

export const replayDelivery: Handler<Operations['replayDelivery']> = async ({ params, idempotency }) => {
  const delivery = await deliveryOf(params.id);
  await enable([delivery]);
  const next = await replay(delivery, idempotency);
  if (!next) throw conflict('the delivery was just attempted, look again');
  return next;
};

/** One piece: a page of the list, then a transaction each. */
export const replayDeliveries: Handler<Operations['replayDeliveries']> = async ({ body, path }) => {
  const { dry_run, cursor, ...filter } = body;
  const { status, from = '0', to = '9' } = filter;
  const list = { path, query: { ...filter, cursor: cursor ?? undefined } };
  const { results, next } = await mergedPage(deliveries, StoredDelivery, list, {
    index: 'gsi3',
    partitions: shards(`DELIVERIES#${status}`),
    from,
    // beyond every id of that very millisecond
    to: `${to}~`,
    sortKey,
  });
  if (!dry_run) await enable(results);
  const sent = dry_run ? results : await Promise.all(results.map((one) => replay(one)));
  return {
    ids: sent.flatMap((one) => (one ? [one.id] : [])),
    dry_run,
    cursor: next && new URL(next, 'http://localhost').searchParams.get('cursor'),
  };
};
