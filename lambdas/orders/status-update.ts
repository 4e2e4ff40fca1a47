import * as z from 'zod';
import { expiry, timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import type { Change, Condition } from '../kernel/expression';
import type { Handler } from '../kernel/http';
import { busy, conflict, notFound, Problem } from '../kernel/problem';
import { table } from '../kernel/table';
import type { Operations } from './contract';
import { findOrder, HISTORY, orderKey, statusPartition, TOMBSTONE_SECONDS } from './orders';
import { StatusUpdate } from './schema';
import { MERCATO, verify } from './webhook';

const orders = table();

/** A result that came too late to change its order; kept for 30 days. */
export const Superseded = StatusUpdate.extend({ at: z.string() });

const SUPERSEDED = 'SUPERSEDED';

/**
 * Receives a signed result. Its status counts when its sequence number is beyond the order's: so whatever comes twice, late
 * or out of order changes nothing, and a status never runs backwards. One write; a read more when nothing changes.
 *
 * An order's own key is for what this shop signs itself; others sign with their own webhook secret.
 */
export const updateOrderStatus: Handler<Operations['updateOrderStatus']> = async (call) => {
  const { uuid } = call.params;
  const { task_id, order_key, status, sequence } = call.body;
  const owner = call.principal.resource === undefined ? call.principal.id : MERCATO;
  await verify(owner, call.rawBody, call.header);
  const at = timestamp();
  const entry = { at, status, sequence, by: owner, task_id };
  const apply = ({ set, append }: Change, when: Condition): Promise<boolean> => {
    const all = { status, sequence, updated_at: at, gsi3pk: statusPartition(status, uuid), ...set };
    const change = { set: all, add: { version: 1 }, ...(append && { append }) };
    return commitIf({
      writes: [orders.update(orderKey(uuid), change, { equals: { order_key }, below: { sequence }, ...when })],
    });
  };
  const noted = { append: { history: [entry] } };
  const applied = await apply(noted, { shorter: { history: 2 * HISTORY } });
  if (applied) return { uuid, status, sequence, applied };
  const order = await findOrder(uuid);
  if (order === 'gone') throw new Problem(410, 'the order was deleted');
  if (!order) throw notFound('order');
  if (order.order_key !== order_key) throw conflict('the order has another order_key', 'other-order-key');
  if (order.sequence < sequence) {
    // its history was full: once in so many changes it is cut
    const cut = { set: { history: [...order.history, entry].slice(-HISTORY) } };
    if (await apply(cut, { equals: { order_key, version: order.version } }))
      return { uuid, status, sequence, applied: true };
    throw busy('the order is being changed by others, try again');
  }
  const repeated = order.history.some((entry) => entry.task_id === task_id && entry.sequence === sequence);
  if (!repeated) {
    const key = { pk: orderKey(uuid).pk, sk: `${SUPERSEDED}#${task_id}#${sequence}` };
    const late = { ...key, ...call.body, at, expires_at: expiry(TOMBSTONE_SECONDS) };
    await commitIf({ writes: [orders.put(late, { exists: false })] });
  }
  return { uuid, status: order.status, sequence: order.sequence, applied };
};
