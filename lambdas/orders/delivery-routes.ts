import * as z from 'zod';
import { contract } from '../kernel/contract';
import { Page, PageQuery, Timestamp } from '../kernel/schema';
import { Delivery, DeliveryId, DeliveryStatus } from './delivery-schema';
import { operator } from './routes';
import { WebhookSecret } from './schema';

const DELIVERIES = '/api/v1/consumer/deliveries/';
const SECRET = '/api/v1/consumer/webhook-secret/';

/** Those whose webhooks are signed, or who sign what they send to us. */
const signer = { roles: ['operator'], scopes: ['messages:send', 'orders:status'] } as const;

const delivery = z.object({ id: DeliveryId });

/** Deliveries of webhooks, and the secret that signs them. */
export const deliveryRoutes = contract({
  listDeliveries: {
    method: 'GET',
    path: DELIVERIES,
    summary: 'Webhook deliveries with their attempts',
    access: operator,
    query: PageQuery.extend({ status: DeliveryStatus.optional() }),
    status: 200,
    returns: Page(Delivery),
  },
  getDelivery: {
    method: 'GET',
    path: `${DELIVERIES}{id}/`,
    summary: 'One delivery',
    access: operator,
    params: delivery,
    status: 200,
    returns: Delivery,
  },
  replayDelivery: {
    method: 'POST',
    path: `${DELIVERIES}{id}/replay/`,
    summary: 'Send a delivery again, at once and with all its tries',
    description: 'An address that was disabled is enabled by it.',
    access: operator,
    params: delivery,
    changes: ['delivery', 'id'],
    status: 202,
    returns: Delivery,
    refuses: { 409: 'it was just attempted' },
    idempotent: true,
  },
  replayDeliveries: {
    method: 'POST',
    path: `${DELIVERIES}replay/`,
    summary: 'Send deliveries again by filter, a piece at a time',
    description: 'Goes on with the `cursor` of the answer until that is null. `dry_run` only says which it would be.',
    access: operator,
    body: z
      .strictObject({
        status: DeliveryStatus.default('exhausted'),
        from: Timestamp.optional().meta({ description: 'made at this time or later' }),
        to: Timestamp.optional().meta({ description: 'made at this time or earlier' }),
        dry_run: z.boolean().default(false),
        limit: z.int().min(1).max(100).default(100).meta({ description: 'deliveries in this piece' }),
        cursor: z.string().max(4_000).nullish(),
      })
      .meta({ examples: [{ status: 'exhausted', dry_run: true }] }),
    changes: ['delivery', 'id'],
    status: 200,
    returns: z.object({
      ids: z.array(DeliveryId).meta({ description: 'those sent again, or that would be' }),
      dry_run: z.boolean(),
      cursor: z.string().nullable(),
    }),
  },

  getWebhookSecret: {
    method: 'GET',
    path: SECRET,
    summary: 'The own webhook secret',
    access: signer,
    status: 200,
    returns: WebhookSecret,
  },
  rotateWebhookSecret: {
    method: 'POST',
    path: `${SECRET}rotate/`,
    summary: 'Make a new webhook secret; the one before it signs too for 24 hours',
    access: signer,
    changes: ['webhook_secret', 'owner'],
    status: 201,
    returns: WebhookSecret,
    idempotent: true,
  },
});
