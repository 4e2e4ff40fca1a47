import * as z from 'zod';
import { expiry, timestamp } from '../kernel/clock';
import { ConditionFailed, commit } from '../kernel/commit';
import { isOperator, type Principal } from '../kernel/contract';
import { type Handler, Reply } from '../kernel/http';
import { newId, shardOf, shards } from '../kernel/id';
import { sumOf, toUnits } from '../kernel/money';
import { mergedPage, page } from '../kernel/page';
import { conflict, invalid, notFound, Problem } from '../kernel/problem';
import { type Item, type Key, table, type Write } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';
import type { Operations } from './contract';
import { MADE_KEY_PREFIX, Order, type OrderChange, type OrderStatus, StatusChange, type TaskMessage } from './schema';
import { newTask } from './tasks';

const orders = table();

/** The order with what only this context sees: `version` counts its writes. */
const StoredOrder = Order.extend({ version: z.number(), history: z.array(StatusChange) });
export type StoredOrder = z.output<typeof StoredOrder>;

/** What a deleted order leaves behind, so that late results are told that it is gone. */
const Tombstone = z.object({ deleted_at: z.string() });

export const TOMBSTONE_SECONDS = 30 * 24 * 3_600;
/** Status changes kept with an order, at the least. */
export const HISTORY = 50;

export const orderKey = (uuid: string): Key => ({ pk: `ORDER#${uuid}`, sk: 'ORDER' });
const markerKey = (order_key: string): Key => ({ pk: `ORDER_KEY#${order_key}`, sk: 'ORDER_KEY' });

/** The partition of an order in the index by status. */
export const statusPartition = (status: string, uuid: string): string => shardOf(`ORDERS#${status}`, uuid);

const item = (order: StoredOrder): Item => ({
  ...order,
  ...orderKey(order.uuid),
  gsi1pk: `USER#${order.user}`,
  gsi1sk: order.uuid,
  gsi2pk: shardOf('ORDERS', order.uuid),
  gsi2sk: order.uuid,
  gsi3pk: statusPartition(order.status, order.uuid),
  gsi3sk: order.uuid,
});

/** The order, `gone` when it was deleted within the last 30 days, undefined when it never was. */
export async function findOrder(uuid: string): Promise<StoredOrder | 'gone' | undefined> {
  const found = await orders.find(z.union([StoredOrder, Tombstone]), orderKey(uuid));
  return found && 'deleted_at' in found ? 'gone' : found;
}

/** The order, if the caller may see it. @throws Problem 404 */
export async function ownOrder(uuid: string, principal: Principal): Promise<StoredOrder> {
  const order = await findOrder(uuid);
  if (!order || order === 'gone' || !(isOperator(principal) || order.user === principal.id)) throw notFound('order');
  return order;
}

const differs = ({ items, total_paid }: Pick<Order, 'items' | 'total_paid'>): boolean =>
  toUnits(sumOf(items)) !== toUnits(total_paid);

/**
 * Stores an order with its task, and has that queued. One transaction of four items: order, task, outbox and the audit
 * trail's entry; a fifth for an `order_key` of the client's own, a sixth for an `Idempotency-Key`.
 */
export const placeOrder: Handler<Operations['placeOrder']> = async ({ body, principal, idempotency }) => {
  const uuid = newId();
  const at = timestamp();
  const order: StoredOrder = {
    ...body,
    uuid,
    user: principal.id,
    total_mismatch: differs(body),
    order_key: body.order_key ?? `${MADE_KEY_PREFIX}${uuid}`,
    status: 'pending',
    sequence: 0,
    task_id: newId(),
    created_at: at,
    updated_at: at,
    version: 1,
    history: [],
  };
  const message: TaskMessage = {
    task_id: order.task_id,
    name: 'process_order',
    owner: order.user,
    order: uuid,
    sequence: 1,
    webhook_url: `/api/v1/data/orders/${uuid}/status/update`,
    // the consumer does not need them: what it does not get need not be deleted there
    address: null,
    phone_number: null,
    order_key: order.order_key,
    status: order.status,
    currency: order.currency,
    created_at: at,
  };
  const headers = { location: `/api/v1/data/orders/${uuid}/` };
  const marker = body.order_key && orders.put({ ...markerKey(body.order_key), uuid }, { exists: false });
  try {
    await commit({
      writes: [orders.put(item(order), { exists: false }), newTask(message), ...(marker ? [marker] : [])],
      emit: [{ event: 'OrderPlaced', detail: message }],
      idempotency: idempotency?.remember({ status: 201, body: Order.parse(order), headers }),
    });
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
    throw conflict(`there is an order with the order_key ${order.order_key}`, 'order-key-taken');
  }
  return new Reply(order, { headers });
};

const Marker = z.object({ uuid: z.string() });

interface Filter {
  owner: string | undefined;
  status: OrderStatus | undefined;
}

/** The order with a key, if it is of that owner and status. Two reads at most. */
async function withKey(order_key: string, { owner, status }: Filter): Promise<StoredOrder[]> {
  const made = order_key.startsWith(MADE_KEY_PREFIX) ? order_key.slice(MADE_KEY_PREFIX.length) : undefined;
  const uuid = made ?? (await orders.find(Marker, markerKey(order_key)))?.uuid;
  const order = uuid === undefined ? undefined : await findOrder(uuid);
  if (!order || order === 'gone') return [];
  return order.user === (owner ?? order.user) && order.status === (status ?? order.status) ? [order] : [];
}

/** Own orders of ordinary users, all for operators; newest first. */
export const listOrders: Handler<Operations['listOrders']> = async (call) => {
  const { status, user, order_key } = call.query;
  const caller = call.principal;
  if (!isOperator(caller) && user !== undefined && user !== caller.id) {
    throw new Problem(403, 'only operators see the orders of others');
  }
  const owner = isOperator(caller) ? user : caller.id;
  if (order_key !== undefined) return { results: await withKey(order_key, { owner, status }), next: null };
  if (owner !== undefined) {
    const where = status && { where: { equals: { status } } };
    return page(orders, Order, call, { index: 'gsi1', partition: `USER#${owner}`, ...where });
  }
  const sortKey = ({ uuid }: Order) => uuid;
  return status
    ? mergedPage(orders, Order, call, { index: 'gsi3', partitions: shards(`ORDERS#${status}`), sortKey })
    : mergedPage(orders, Order, call, { index: 'gsi2', partitions: shards('ORDERS'), sortKey });
};

export const getOrder: Handler<Operations['getOrder']> = ({ params, principal }) => ownOrder(params.uuid, principal);

function changed(order: StoredOrder, change: OrderChange, principal: Principal): StoredOrder {
  const { status = order.status, order_key = order.order_key, ...contents } = change;
  if (order_key !== order.order_key) throw invalid([{ path: 'order_key', message: 'cannot be changed' }]);
  const given = Object.fromEntries(Object.entries(contents).filter(([, value]) => value !== undefined));
  const next: StoredOrder = { ...order, ...given, updated_at: timestamp(), version: order.version + 1 };
  next.total_mismatch = differs(next);
  if (status === order.status) return next;
  if (status !== 'cancelled' && !isOperator(principal)) {
    throw new Problem(403, `only an operator may set the status to ${status}`);
  }
  const sequence = order.sequence + 1;
  const entry = { at: next.updated_at, status, sequence, by: principal.id, task_id: null };
  return { ...next, status, sequence, history: [...order.history, entry].slice(-HISTORY) };
}

interface Change {
  params: { uuid: string };
  principal: Principal;
  requireMatch: (current: unknown) => void;
}

/** Reads, checks `If-Match` and writes; again when another write came between. @throws Problem 404, 412, 503 */
const rewrite = (
  { params, principal, requireMatch }: Change,
  to: (order: StoredOrder) => { next: Item; also?: Write[] },
): Promise<void> =>
  untilWritten(async () => {
    const order = await ownOrder(params.uuid, principal);
    requireMatch(Order.parse(order));
    const { next, also = [] } = to(order);
    await commit({ writes: [orders.put(next, { equals: { version: order.version } }), ...also] });
  });

async function change(call: Change & { body: OrderChange }): Promise<StoredOrder> {
  let next: StoredOrder | undefined;
  await rewrite(call, (order) => {
    next = changed(order, call.body, call.principal);
    return { next: item(next) };
  });
  return next as StoredOrder;
}

export const replaceOrder: Handler<Operations['replaceOrder']> = change;
export const changeOrder: Handler<Operations['changeOrder']> = change;

/** Leaves a tombstone for 30 days; the `order_key` is free again. */
export const removeOrder: Handler<Operations['removeOrder']> = (call) =>
  rewrite(call, ({ uuid, order_key }) => ({
    next: { ...orderKey(uuid), deleted_at: timestamp(), expires_at: expiry(TOMBSTONE_SECONDS) },
    also: order_key.startsWith(MADE_KEY_PREFIX) ? [] : [orders.delete(markerKey(order_key))],
  })) as Promise<undefined>;
