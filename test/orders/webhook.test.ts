import { randomUUID } from 'node:crypto';
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { Webhook } from 'standardwebhooks';
import { documents } from '../../lambdas/kernel/documents';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import {
  closeReceivers,
  DELIVERIES,
  messageOf,
  messageTo,
  ORDERS,
  PROCESS,
  place,
  queued,
  type Received,
  read,
  receiver,
  SECRET,
  signature,
  signed,
} from './shop';

let on: Platform;
let owner: Caller;
let operator: Caller;
/** A consumer outside of the shop: may report the status of any order, signs with a secret of its own. */
let consumer: Caller;
let secret: string;
beforeAll(async () => {
  on = await platform('orders');
  [owner, operator, consumer] = await Promise.all([
    on.callers.user(),
    on.callers.user('operator'),
    on.callers.apiKey({ scopes: ['orders:status'] }),
  ]);
  secret = (await read(on, consumer, SECRET)).secret;
});
afterAll(() => Promise.all([closeReceivers(), on.close()]));

const tableName = () => on.named('Orders/Api').environment['TABLE_NAME'];

const result = (order: { order_key: string; task_id: string }, change: object = {}) => ({
  task_id: order.task_id,
  order_key: order.order_key,
  status: 'confirmed',
  result: 'TNDkeypending',
  sequence: 1,
  ...change,
});

async function report(
  uuid: string,
  body: object,
  headers: Record<string, string> = signed(secret, JSON.stringify(body)),
) {
  return on.api('POST', `${ORDERS}${uuid}/status/update`, { body: JSON.stringify(body), headers }, consumer);
}

/** The vector of the specification's own libraries: same secret, id, time, payload and signature in all of them. */
const VECTOR = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  payload: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};

describe('signatures', () => {
  test("are those of Standard Webhooks' published vector", () => {
    const { secret: key, id, timestamp, payload } = VECTOR;
    expect(new Webhook(key).sign(id, new Date(timestamp * 1_000), payload)).toBe(VECTOR.signature);
    expect(signature(key, id, timestamp, payload)).toBe(VECTOR.signature);
  });

  test('of what is sent are over id, time of the attempt and the very bytes, by the secret of who asked', async () => {
    const hook = await receiver();
    const { body: task } = await on.api('POST', PROCESS, { body: messageTo(hook.url) }, operator);
    await on.settle(async () => hook.received.length > 0);
    const [request] = hook.received;
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': given } = request?.headers ?? {};
    expect(id).toBe(`msg_${task.task_id}`);
    expect(Math.abs(Number(at) - Date.now() / 1_000)).toBeLessThan(60);
    const own = (await read(on, operator, SECRET)).secret;
    expect(Buffer.from(own.slice('whsec_'.length), 'base64')).toHaveLength(32);
    expect(given).toBe(signature(own, String(id), String(at), request?.body ?? ''));
    expect(own).not.toBe(secret);
  });

  test.each([
    ['none', { 'webhook-signature': '' }],
    ['of another secret', { 'webhook-signature': signature(VECTOR.secret, 'msg_1', 1, 'x') }],
    ['cut off', { 'webhook-signature': 'v1,' }],
    ['of another version', { 'webhook-signature': 'v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' }],
    ['of another id', { 'webhook-id': 'msg_other' }],
    ['of another time', { 'webhook-timestamp': String(Math.floor(Date.now() / 1_000) - 1) }],
    ['without a time', { 'webhook-timestamp': 'hello' }],
  ])('%s: 401, and nothing changes', async (_, wrong) => {
    const order = await place(on, owner);
    const body = result(order);
    const answer = await report(order.uuid, body, { ...signed(secret, JSON.stringify(body)), ...wrong });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBeDefined();
    expect(await read(on, owner, `${ORDERS}${order.uuid}`)).toEqual(order);
  });

  test.each([-330, 330])('%i seconds off are refused, 270 are not, nor one valid among several', async (seconds) => {
    const order = await place(on, owner);
    const text = JSON.stringify(result(order));
    const now = Math.floor(Date.now() / 1_000);
    expect((await report(order.uuid, result(order), signed(secret, text, now + seconds))).status).toBe(401);
    const headers = signed(secret, text, now + Math.sign(seconds) * 270);
    const several = { ...headers, 'webhook-signature': `v1,AAAA v2,BBBB ${headers['webhook-signature']} v1,CCCC` };
    expect((await report(order.uuid, result(order), several)).body).toMatchObject({ applied: true });
  });

  test('over other bytes than those sent are refused', async () => {
    const order = await place(on, owner);
    const headers = signed(secret, JSON.stringify(result(order)));
    expect((await report(order.uuid, result(order, { status: 'cancelled' }), headers)).status).toBe(401);
  });
});

describe('a status', () => {
  test('ends the same whatever the order of the deliveries and however often each comes', async () => {
    const steps = [
      { status: 'confirmed', sequence: 1 },
      { status: 'cancelled', sequence: 2 },
      { status: 'confirmed', sequence: 3 },
    ];
    const twice = [0, 0, 1, 1, 2, 2];
    const permutations = new Map<string, number[]>();
    const permute = (rest: number[], chosen: number[]): void => {
      if (!rest.length) permutations.set(chosen.join(), chosen);
      for (const [index, one] of rest.entries()) permute(rest.toSpliced(index, 1), [...chosen, one]);
    };
    permute(twice, []);
    expect(permutations.size).toBe(90);
    const ends = await Promise.all(
      [...permutations.values()].map(async (permutation) => {
        const order = await place(on, owner);
        let applied = 0;
        for (const step of permutation) {
          const answer = await report(order.uuid, result(order, steps[step]));
          expect(answer.status).toBe(200);
          applied += Number(answer.body.applied);
        }
        const { status, sequence, events } = await read(on, owner, `${ORDERS}${order.uuid}/timeline/`);
        const changes = events.filter(({ event }: { event: string }) => event === 'status').length;
        const late = events.filter(({ event }: { event: string }) => event === 'superseded').length;
        return { status, sequence, changed: changes === applied, all: changes + late };
      }),
    );
    expect(new Set(ends.map((end) => JSON.stringify(end)))).toEqual(
      new Set([JSON.stringify({ status: 'confirmed', sequence: 3, changed: true, all: 3 })]),
    );
  }, 180_000);

  test('is told with its latest changes, however many there were', async () => {
    const order = await place(on, owner);
    const statuses = ['confirmed', 'cancelled'];
    // as after 95 changes, of which all are kept
    const { task_id, created_at: at } = order;
    const history = Array.from({ length: 95 }, (_, index) => {
      return { at, status: statuses[(index + 1) % 2], sequence: index + 1, by: consumer.id, task_id };
    });
    const change = {
      UpdateExpression: 'SET history = :history, #sequence = :sequence',
      ExpressionAttributeNames: { '#sequence': 'sequence' },
      ExpressionAttributeValues: { ':history': history, ':sequence': history.length },
    };
    const Key = { pk: `ORDER#${order.uuid}`, sk: 'ORDER' };
    await documents.send(new UpdateCommand({ TableName: tableName(), Key, ...change }));
    for (let sequence = 96; sequence <= 155; sequence++) {
      const { body } = await report(order.uuid, result(order, { sequence, status: statuses[sequence % 2] }));
      expect([sequence, body.applied]).toEqual([sequence, true]);
    }
    const { events } = await read(on, owner, `${ORDERS}${order.uuid}/timeline/`);
    const changes = events.filter(({ event }: { event: string }) => event === 'status');
    expect(changes.length).toBeLessThanOrEqual(100);
    const numbers = changes.map(({ detail }: { detail: { sequence: number } }) => detail.sequence);
    expect(numbers).toEqual(numbers.map((_: number, index: number) => 156 - numbers.length + index));
  });

  test('that came too late is kept for 30 days', async () => {
    const order = await place(on, owner);
    await report(order.uuid, result(order, { sequence: 2 }));
    await report(order.uuid, result(order, { sequence: 1 }));
    const Key = { pk: `ORDER#${order.uuid}`, sk: `SUPERSEDED#${order.task_id}#1` };
    const { Item } = await documents.send(new GetCommand({ TableName: tableName(), Key }));
    expect((Item?.['expires_at'] - Date.now() / 1_000) / 86_400).toBeCloseTo(30, 1);
  });

  test('is not for another order_key, an order that never was, or without a valid body', async () => {
    const order = await place(on, owner);
    expect((await report(order.uuid, result(order, { order_key: 'another' }))).status).toBe(409);
    expect((await report(randomUUID(), result(order))).status).toBe(404);
    expect((await report('no-uuid', result(order))).status).toBe(404);
    expect((await report(order.uuid, result(order, { status: 'paid', sequence: 0 }))).status).toBe(422);
    await on.api('DELETE', `${ORDERS}${order.uuid}`, {}, owner);
    expect((await report(order.uuid, result(order))).status).toBe(410);
  });

  test("needs a key: an order's own is for that order and nothing else", async () => {
    const [order, other] = await Promise.all([place(on, owner), place(on, owner)]);
    const api = await receiver();
    const id = `msg_${order.task_id}`;
    const known = async () => (await on.api('GET', `${DELIVERIES}${id}`, {}, operator)).status === 200;
    await on.run('Orders/Work/Function', queued(messageOf(order)));
    expect(await known()).toBe(true);
    await on.run('Orders/Deliver/Function', queued({ id, turn: 1 }), { API_URL: api.url });
    const [request] = api.received;
    const { authorization = '', ...headers } = (request?.headers ?? {}) as Record<string, string>;
    const call = (method: string, path: string, own: Record<string, string>, body?: string) =>
      on.api(method, path, { ...(body && { body }), headers: own });
    const update = (uuid: string, own: Record<string, string>) =>
      call('POST', `${ORDERS}${uuid}/status/update`, own, request?.body ?? '');
    expect((await update(order.uuid, headers)).status).toBe(401);
    expect((await update(other.uuid, { ...headers, authorization })).status).toBe(403);
    expect((await update(order.uuid, { ...headers, authorization: authorization.slice(0, -1) })).status).toBe(401);
    expect((await call('GET', `${ORDERS}${order.uuid}`, { authorization })).status).toBe(403);
    expect((await call('GET', SECRET, { authorization })).status).toBe(403);
    const applied = await update(order.uuid, { ...headers, authorization });
    expect(applied.body).toEqual({ uuid: order.uuid, status: 'confirmed', sequence: 1, applied: true });
    const user = await report(order.uuid, result(order), owner.headers);
    expect(user.status).toBe(403);
  });
});

describe('a secret', () => {
  test("is everybody's own and stays until it is rotated; then both sign for a day", async () => {
    const sender = await on.callers.apiKey({ scopes: ['messages:send'] });
    const first = await read(on, sender, SECRET);
    expect(first).toEqual({ secret: expect.stringMatching(/^whsec_/), version: 1, since: null, previous_until: null });
    expect(await read(on, sender, SECRET)).toEqual(first);
    const rotate = () => on.api('POST', `${SECRET}rotate/`, { headers: { 'idempotency-key': 'r' } }, sender);
    const answers = await Promise.all([rotate(), rotate()]);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    const second = await read(on, sender, SECRET);
    expect(answers.map(({ body }) => body)).toEqual([second, second]);
    expect(second).toMatchObject({ version: 2 });
    expect(second.secret).not.toBe(first.secret);
    expect(Date.parse(second.previous_until) - Date.parse(second.since)).toBe(24 * 3_600_000);

    const hook = await receiver();
    const signaturesOf = async () => {
      const before = hook.received.length;
      await on.api('POST', PROCESS, { body: messageTo(hook.url) }, sender);
      await on.settle(async () => hook.received.length > before);
      const { headers, body }: Received = hook.received[before] ?? { path: '', headers: {}, body: '' };
      const by = (key: string) =>
        signature(key, String(headers['webhook-id']), String(headers['webhook-timestamp']), body);
      return { given: headers['webhook-signature'], by };
    };
    const during = await signaturesOf();
    expect(during.given).toBe(`${during.by(second.secret)} ${during.by(first.secret)}`);
    await on.moveClock(24 * 3_600 + 1);
    const after = await signaturesOf();
    expect(after.given).toBe(after.by(second.secret));
    expect(await read(on, sender, SECRET)).toEqual({ ...second, previous_until: null });
    await on.moveClock(0);
  });

  test('counts each rotation once, also when two happen at once', async () => {
    const sender = await on.callers.apiKey({ scopes: ['messages:send'] });
    const rotate = () => on.api('POST', `${SECRET}rotate/`, {}, sender);
    const answers = (await Promise.all([rotate(), rotate(), rotate()])).map(({ status }) => status);
    // those that happen to come one after the other may all count
    const rotated = answers.filter((status) => status === 201).length;
    expect(rotated).toBeGreaterThan(0);
    expect(answers.filter((status) => status === 409)).toHaveLength(answers.length - rotated);
    expect(await read(on, sender, SECRET)).toMatchObject({ version: 1 + rotated });
  });

  test('is not for those who have nothing signed', async () => {
    for (const caller of [
      owner,
      await on.callers.user('analyst'),
      await on.callers.apiKey({ scopes: ['metrics:read'] }),
    ]) {
      expect((await on.api('GET', SECRET, {}, caller)).status).toBe(403);
      expect((await on.api('POST', `${SECRET}rotate/`, {}, caller)).status).toBe(403);
    }
  });
});
