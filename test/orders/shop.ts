import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SQSEvent } from 'aws-lambda';
import { ORDER } from '../support/example-order';
import type { Platform } from '../support/platform';
import type { Caller } from '../support/principals';

export const ORDERS = '/api/v1/data/orders/';
export const TASKS = '/api/v1/consumer/tasks/';
export const RESULTS = '/api/v1/data/task-results/';
export const DELIVERIES = '/api/v1/consumer/deliveries/';
export const SEND = '/api/v1/consumer/send-message/';
export const PROCESS = '/api/v1/consumer/process-message/';
export const SECRET = '/api/v1/consumer/webhook-secret/';

export const messageTo = (webhook_url: string) => ({
  webhook_url,
  address: 'Ariana Nkhilet',
  phone_number: '58741196',
  order_key: 'K-1',
  status: 'pending',
  currency: 'TND',
});

/** The message that the order's placing put on the bus, as the rule hands it to the queue. */
export const messageOf = (order: Awaited<ReturnType<typeof place>>) => ({
  task_id: order.task_id,
  name: 'process_order',
  owner: order.user,
  order: order.uuid,
  sequence: 1,
  webhook_url: `${ORDERS}${order.uuid}/status/update`,
  address: null,
  phone_number: null,
  order_key: order.order_key,
  status: 'pending',
  currency: 'TND',
  created_at: order.created_at,
});

/** The event of a queue with one message. */
export const queued = (body: unknown, receives = 1): SQSEvent =>
  ({
    Records: [
      {
        messageId: randomUUID(),
        receiptHandle: 'none',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        attributes: { ApproximateReceiveCount: String(receives), SentTimestamp: String(Date.now()) },
        messageAttributes: {},
      },
    ],
  }) as unknown as SQSEvent;

export async function place(on: Platform, caller: Caller, body: object = ORDER) {
  const answer = await on.api('POST', ORDERS, { body }, caller);
  expect(answer.status).toBe(201);
  return answer.body;
}

export const read = async (on: Platform, caller: Caller, path: string) => (await on.api('GET', path, {}, caller)).body;

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

const servers: Server[] = [];

/** A receiver of webhooks on this machine, which answers as told; `closeReceivers` ends all of them. */
export async function receiver(
  answer: (response: ServerResponse, count: number) => void = (response) => response.end(),
) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    received.push({ path: request.url ?? '', headers: request.headers, body });
    answer(response, received.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  servers.push(server);
  return {
    port,
    url: `http://127.0.0.1:${port}/hook`,
    received,
    answerWith(next: typeof answer) {
      answer = next;
    },
  };
}

export function closeReceivers(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
}

/** The signature as the specification defines it, made without any library of ours. */
export function signature(secret: string, id: string, timestamp: number | string, payload: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${payload}`).digest('base64')}`;
}

/** The headers of Standard Webhooks over a payload, as of now. */
export function signed(secret: string, payload: string, timestamp = Math.floor(Date.now() / 1_000)) {
  const id = `msg_${randomUUID()}`;
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature(secret, id, timestamp, payload),
  };
}
