import * as z from 'zod';
import { contract } from '../kernel/contract';
import { Page, PageQuery, Uuid } from '../kernel/schema';
import { LOST_UPDATE } from './routes';
import {
  NewOrder,
  Order,
  OrderChange,
  OrderKey,
  OrderReplacement,
  OrderStatus,
  StatusUpdate,
  Timeline,
} from './schema';

const ORDERS = '/api/v1/data/orders/';

const user = { user: true } as const;
const order = z.object({ uuid: Uuid });

/** Orders, by whoever placed them, and the receiver of their results. */
export const orderRoutes = contract({
  listOrders: {
    method: 'GET',
    path: ORDERS,
    summary: 'Own orders; operators: all',
    access: user,
    query: PageQuery.extend({
      status: OrderStatus.optional(),
      user: Uuid.optional().meta({ description: 'the orders of one user (operators)' }),
      order_key: OrderKey.optional().meta({ description: 'the one order with this key' }),
    }),
    status: 200,
    returns: Page(Order),
  },
  placeOrder: {
    method: 'POST',
    path: ORDERS,
    summary: 'Place an order',
    description: 'It goes to the consumer by itself: its status and timeline tell how far it is.',
    access: user,
    body: NewOrder,
    changes: ['order', 'uuid'],
    status: 201,
    returns: Order,
    refuses: { 409: 'the order_key is taken' },
    idempotent: true,
  },
  getOrder: {
    method: 'GET',
    path: `${ORDERS}{uuid}/`,
    summary: 'One order',
    access: user,
    params: order,
    status: 200,
    returns: Order,
  },
  replaceOrder: {
    method: 'PUT',
    path: `${ORDERS}{uuid}/`,
    summary: "Replace an order's contents",
    access: user,
    params: order,
    body: OrderReplacement,
    changes: ['order', 'uuid'],
    status: 200,
    returns: Order,
    refuses: { 403: 'only an operator sets another status than cancelled', 412: LOST_UPDATE },
  },
  changeOrder: {
    method: 'PATCH',
    path: `${ORDERS}{uuid}/`,
    summary: 'Change parts of an order, or cancel it',
    access: user,
    params: order,
    body: OrderChange,
    changes: ['order', 'uuid'],
    status: 200,
    returns: Order,
    refuses: { 403: 'only an operator sets another status than cancelled', 412: LOST_UPDATE },
  },
  removeOrder: {
    method: 'DELETE',
    path: `${ORDERS}{uuid}/`,
    summary: 'Delete an order',
    access: user,
    params: order,
    changes: ['order', 'uuid'],
    status: 204,
    refuses: { 412: LOST_UPDATE },
  },
  updateOrderStatus: {
    method: 'POST',
    path: `${ORDERS}{uuid}/status/update`,
    summary: 'The receiver of results: sets the status',
    description:
      'Needs the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` of Standard Webhooks besides the API key; ' +
      'signed with the own webhook secret. A result that is repeated or late answers 200 with `applied: false` and changes nothing.',
    access: { scopes: ['orders:status'], resource: 'uuid' },
    params: order,
    body: StatusUpdate,
    changes: ['order', 'uuid'],
    status: 200,
    returns: z.object({ uuid: Uuid, status: OrderStatus, sequence: z.int(), applied: z.boolean() }),
    refuses: {
      401: 'the signature is not valid',
      409: 'the order has another order_key',
      410: 'the order was deleted',
    },
  },
  getTimeline: {
    method: 'GET',
    path: `${ORDERS}{uuid}/timeline/`,
    summary: 'What became of an order, step by step, and what it waits for',
    access: user,
    params: order,
    status: 200,
    returns: Timeline,
  },
});
