import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse } from 'aws-lambda';
import { sqs } from '../../lambdas/kernel/queue';
import { type Fault, setFault } from '../support/faults';
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
  RESULTS,
  read,
  receiver,
  SEND,
  TASKS,
} from './shop';

let on: Platform;
let owner: Caller;
let operator: Caller;
let sender: Caller;
beforeAll(async () => {
  on = await platform('orders');
  [owner, operator, sender] = await Promise.all([
    on.callers.user(),
    on.callers.user('operator'),
    on.callers.apiKey({ scopes: ['messages:send'] }),
  ]);
});
afterAll(() => Promise.all([closeReceivers(), on.close()]));
afterEach(() => setFault(undefined));

type Order = Awaited<ReturnType<typeof place>>;
const task = (order: Order) => read(on, operator, `${TASKS}${order.task_id}/`);
const timeline = (order: Order) => read(on, owner, `${ORDERS}${order.uuid}/timeline/`);
const steps = (events: { event: string; text: string }[]) => events.map(({ event }) => event);

/** Gives the worker a message the so-many-th time. @returns whether it is to come again */
async function work(message: object | string, receives = 1): Promise<boolean> {
  const result = await on.run<SQSBatchResponse>('Orders/Work/Function', queued(message, receives));
  return result.batchItemFailures.length > 0;
}

/** The worker's first transactions fail, as when DynamoDB is out of order. */
function broken(times: number): Fault {
  let left = times;
  return ({ entry, command }) => {
    if (entry !== 'orders/work' || command !== 'TransactWriteItemsCommand' || left === 0) return undefined;
    left -= 1;
    return Object.assign(new Error('no access to arn:aws:dynamodb:us-east-1:1:table/t'), {
      name: 'InternalServerError',
    });
  };
}

/** What a worker has set aside since the last look. */
async function deadLetters(path: string): Promise<unknown[]> {
  const QueueUrl = on.named(path).environment['DEAD_LETTERS_QUEUE_URL'];
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
  );
  return Messages.map(({ Body }) => JSON.parse(Body ?? ''));
}

describe('the chain', () => {
  test('is shown from beginning to end, and waits for nothing when it is done', async () => {
    const order = await place(on, owner);
    expect(await task(order)).toMatchObject({ state: 'PENDING', order: order.uuid, attempts: [], queued_at: null });
    const waiting = await read(on, operator, `${TASKS}?state=PENDING&name=process_order`);
    expect(waiting.results).toContainEqual(await task(order));
    expect(await timeline(order)).toMatchObject({
      status: 'pending',
      waiting_for: 'its task has not been taken from the queue yet',
      events: [{ event: 'stored' }],
    });
    await on.settle(async () => (await timeline(order)).events.length === 8);
    const { events, ...rest } = await timeline(order);
    const { uuid, order_key, task_id } = order;
    expect(rest).toEqual({ uuid, order_key, task_id, status: 'confirmed', sequence: 1, waiting_for: null });
    expect(steps(events).sort()).toEqual(
      ['stored', 'queued', 'attempt', 'task', 'result', 'delivery_attempt', 'delivery', 'status'].sort(),
    );
    const times = events.map(({ at }: { at: string }) => at);
    expect([...times].sort()).toEqual(times);
    const result = `TND${order_key}pending`;
    expect(await task(order)).toMatchObject({ state: 'SUCCESS', result, attempts: [{ number: 1, error: null }] });
    expect(await read(on, operator, `${RESULTS}${task_id}`)).toMatchObject({ state: 'SUCCESS', result, order: uuid });
    const delivery = await read(on, operator, `${DELIVERIES}msg_${task_id}`);
    expect(JSON.parse(delivery.payload)).toEqual({ task_id, order_key, status: 'confirmed', result, sequence: 1 });
  });

  test('says at each station what it waits for', async () => {
    const order = await place(on, owner);
    const waits = async () => (await timeline(order)).waiting_for;
    setFault(({ entry, command }) =>
      entry === 'orders/work' && command === 'TransactWriteItemsCommand' ? 'before' : undefined,
    );
    await expect(work(messageOf(order))).rejects.toThrow();
    expect(await waits()).toMatch(/^its task is worked on since /);
    setFault(undefined);
    // a copy leaves it to the worker that has it
    expect(await work(messageOf(order))).toBe(true);
    expect((await task(order)).attempts).toHaveLength(1);
    await work(messageOf(order), 2);
    expect((await task(order)).attempts).toMatchObject([
      { number: 1, error: 'the worker ended without a word' },
      { number: 2, error: null },
    ]);
    expect(await waits()).toBe('its result is about to be delivered');
    const down = await receiver((response) => response.writeHead(503).end());
    const id = `msg_${order.task_id}`;
    const deliver = (turn: number, url = down.url) =>
      on.run('Orders/Deliver/Function', queued({ id, turn }), { API_URL: url });
    await deliver(1);
    expect(await waits()).toMatch(/^delivery failed 1 of 10 times, the next attempt is at .*: it answered 503$/);
    await on.moveClock(3_600);
    expect(await waits()).toMatch(/the next attempt is overdue since /);
    await on.moveClock(0);
    for (let turn = 2; turn <= 10; turn++) await deliver(turn);
    expect(await waits()).toBe('its result could not be delivered, until an operator replays it: it answered 503');
    await on.api('POST', `${DELIVERIES}${id}/replay/`, {}, operator);
    down.answerWith((response) => response.writeHead(410).end());
    await deliver(12);
    expect(await waits()).toBe('its receiver wants no more results: it answered 410');
  });

  test('a message again, also at once, changes nothing', async () => {
    const order = await place(on, owner);
    const message = messageOf(order);
    const again = await Promise.all([work(message), work(message), work(message)]);
    expect(again.filter(Boolean).length).toBeLessThan(3);
    const done = await task(order);
    expect(done).toMatchObject({ state: 'SUCCESS', attempts: [{ number: 1 }] });
    expect(done.attempts).toHaveLength(1);
    expect(await work(message, 2)).toBe(false);
    expect(await work(message)).toBe(false);
    expect(await task(order)).toEqual(done);
    const delivery = await read(on, operator, `${DELIVERIES}msg_${order.task_id}`);
    expect(delivery.status).toBe('pending');
  });
});

describe('a failing task', () => {
  test('is retried with its errors kept, fails for good at the last time, and succeeds when an operator retries it', async () => {
    const order = await place(on, owner);
    const error = 'InternalServerError: no access to …';
    setFault(broken(5));
    await on.settle(async () => (await on.api('GET', `${TASKS}${order.task_id}`, {}, operator)).body.state === 'RETRY');
    expect(await task(order)).toMatchObject({ error, ended_at: null, attempts: [{ number: 1, error }] });
    expect((await timeline(order)).waiting_for).toBe(`its task failed and will be tried again: ${error}`);
    await on.settle(async () => (await task(order)).state === 'FAILURE');
    expect(await task(order)).toMatchObject({ error, attempts: Array(5).fill({ error }), result: null });
    expect(await deadLetters('Orders/Work/Function')).toContainEqual(messageOf(order));

    await on.settle(async () => (await on.api('GET', `${RESULTS}${order.task_id}`, {}, operator)).status === 200);
    expect(await read(on, operator, `${RESULTS}${order.task_id}`)).toMatchObject({ state: 'FAILURE', error });
    const failed = await timeline(order);
    expect(failed).toMatchObject({
      status: 'pending',
      waiting_for: `its task failed for good, until an operator retries it: ${error}`,
    });
    expect(failed.events.filter(({ event }: { event: string }) => event === 'attempt')).toHaveLength(5);

    const retry = (caller: Caller) => on.api('POST', `${TASKS}${order.task_id}/retry/`, {}, caller);
    expect((await retry(owner)).status).toBe(403);
    expect(await retry(operator)).toMatchObject({ status: 202, body: { state: 'PENDING', ended_at: null } });
    expect((await timeline(order)).waiting_for).toBe('its task is queued again');
    await on.settle(async () => (await timeline(order)).status === 'confirmed');
    await on.settle(async () => (await read(on, operator, `${RESULTS}${order.task_id}`)).state === 'SUCCESS');
    expect((await task(order)).attempts.at(-1)).toMatchObject({ number: 6, error: null });
    const inOrder = (await timeline(order)).events.filter(({ event }: { event: string }) =>
      /queued|attempt|task/.test(event),
    );
    expect(steps(inOrder).filter((event) => event !== 'delivery_attempt')).toEqual([
      'queued',
      ...Array(5).fill('attempt'),
      'queued',
      'attempt',
      'task',
    ]);
    expect((await retry(operator)).status).toBe(409);
  });

  test('is started again by its dead letter when that is put back', async () => {
    const order = await place(on, owner);
    setFault(broken(1));
    await work(messageOf(order), 5);
    expect(await task(order)).toMatchObject({ state: 'FAILURE' });
    setFault(undefined);
    await work(messageOf(order));
    expect(await task(order)).toMatchObject({
      state: 'SUCCESS',
      error: null,
      attempts: [{ number: 1 }, { number: 2 }],
    });
  });

  test('that could not even begin is noted all the same', async () => {
    const order = await place(on, owner);
    let down = true;
    setFault(({ entry, command }) => {
      if (entry !== 'orders/work' || command !== 'UpdateItemCommand' || !down) return undefined;
      down = false;
      return new Error('down');
    });
    expect(await work(messageOf(order))).toBe(true);
    expect(await task(order)).toMatchObject({ state: 'RETRY', attempts: [{ number: 1, error: 'Error: down' }] });
  });

  test('goes on though the answer to the note of its attempt was lost', async () => {
    const order = await place(on, owner);
    setFault(broken(1));
    await work(messageOf(order));
    setFault(({ command }) => (command === 'UpdateItemCommand' ? 'twice' : undefined));
    await work(messageOf(order), 2);
    expect(await task(order)).toMatchObject({ state: 'SUCCESS', attempts: [{ number: 1 }, { number: 2 }] });
  });

  test('that cannot be noted either comes again', async () => {
    const order = await place(on, owner);
    setFault(({ entry, command }) =>
      entry === 'orders/work' && command !== 'SendMessageBatchCommand' ? new Error('down') : undefined,
    );
    expect(await work(messageOf(order))).toBe(true);
    setFault(undefined);
    expect(await task(order)).toMatchObject({ state: 'PENDING', attempts: [] });
    await work(messageOf(order), 2);
    expect(await task(order)).toMatchObject({ state: 'SUCCESS' });
  });

  test('leaves alone what another worker has in its hands', async () => {
    const order = await place(on, owner);
    setFault(({ command }) => (command === 'TransactWriteItemsCommand' ? 'before' : undefined));
    await expect(work(messageOf(order))).rejects.toThrow();
    const before = await task(order);
    expect(before).toMatchObject({ state: 'STARTED', attempts: [{ ended_at: null }] });
    let isFirst = true;
    setFault(({ command }) => {
      if (command !== 'UpdateItemCommand' || !isFirst) return undefined;
      isFirst = false;
      return new Error('down');
    });
    expect(await work(messageOf(order))).toBe(true);
    expect(await task(order)).toEqual(before);
  });

  test('whose order is of an earlier version has no record until a worker takes it', async () => {
    const other = { ...(await place(on, owner)), task_id: '0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a88' };
    setFault(broken(1));
    expect(await work(messageOf(other))).toBe(true);
    expect(await task(other)).toMatchObject({ state: 'RETRY' });
    expect(await work(messageOf(other), 2)).toBe(false);
    expect(await task(other)).toMatchObject({ state: 'SUCCESS', attempts: [{ number: 1 }, { number: 2 }] });
  });

  test.each([
    ['no JSON', '{"task_id":'],
    ['no task', { task_id: 'x' }],
  ])('a message that is %s is set aside', async (_, message) => {
    expect(await work(message)).toBe(false);
    expect(await deadLetters('Orders/Work/Function')).toContainEqual(message);
  });
});

describe('messages', () => {
  test('sent: 202 with the task, worked on, the result at the webhook_url and with the producer', async () => {
    const hook = await receiver();
    const send = (body: object) => on.api('POST', SEND, { body, headers: { 'idempotency-key': 'm1' } }, sender);
    const [first, second] = await Promise.all([send(messageTo(hook.url)), send(messageTo(hook.url))]);
    expect(first).toMatchObject({ status: 202, body: { task_id: expect.any(String) } });
    expect(second.body).toEqual(first.body);
    const { task_id } = first.body;
    const path = `${TASKS}${task_id}/`;
    expect(await read(on, operator, path)).toMatchObject({
      state: 'PENDING',
      owner: sender.id,
      phone_number: '58741196',
    });
    await on.settle(async () => hook.received.length > 0);
    await on.settle(async () => (await on.api('GET', `${RESULTS}${task_id}`, {}, operator)).status === 200);
    expect(await read(on, operator, path)).toMatchObject({ state: 'SUCCESS', result: 'TNDK-1pending' });
    expect(JSON.parse(hook.received[0]?.body ?? '')).toEqual({
      task_id,
      order_key: 'K-1',
      status: 'confirmed',
      result: 'TNDK-1pending',
      sequence: 1,
    });
    expect(await read(on, operator, `${RESULTS}${task_id}`)).toMatchObject({ order: null, order_key: 'K-1' });
  });

  test('processed at once: the result in the answer, once for one Idempotency-Key', async () => {
    const process = () =>
      on.api('POST', PROCESS, { body: messageTo('http://127.0.0.1:9/'), headers: { 'idempotency-key': 'p1' } }, sender);
    const [first, second] = await Promise.all([process(), process()]);
    expect(first).toMatchObject({
      status: 200,
      body: { state: 'SUCCESS', result: 'TNDK-1pending', attempts: [{ number: 1 }] },
    });
    expect(second.body).toEqual(first.body);
    expect(await read(on, operator, `${TASKS}${first.body.task_id}`)).toEqual(first.body);
  });

  test('are not for ordinary users, and named when they are not valid', async () => {
    for (const path of [SEND, PROCESS]) {
      expect((await on.api('POST', path, { body: messageTo('http://a.example/') }, owner)).status).toBe(403);
      const { status, body } = await on.api('POST', path, { body: { status: '', currency: 'X' } }, sender);
      expect(status).toBe(422);
      expect(body.errors.map(({ path: field }: { path: string }) => field)).toEqual([
        'webhook_url',
        'address',
        'phone_number',
        'order_key',
        'status',
        'currency',
      ]);
    }
  });
});

describe('tasks', () => {
  const add = async () => (await on.api('POST', TASKS, { body: messageTo('http://127.0.0.1:9/') }, operator)).body;
  const act = (task_id: string, deed: string) => on.api('POST', `${TASKS}${task_id}/${deed}/`, {}, operator);

  test('are listed by state and name, newest first', async () => {
    const [first, second] = [await add(), await add()];
    await act(first.task_id, 'revoke');
    const ids = async (query: string) =>
      (await read(on, operator, `${TASKS}?limit=200&${query}`)).results.map(
        ({ task_id }: { task_id: string }) => task_id,
      );
    expect((await ids('')).slice(0, 2)).toEqual([second.task_id, first.task_id]);
    expect((await ids('state=PENDING'))[0]).toBe(second.task_id);
    expect((await ids('state=REVOKED&name=process_message'))[0]).toBe(first.task_id);
    expect(await ids('name=process_order')).not.toContain(second.task_id);
    expect((await on.api('GET', `${TASKS}?state=LOST`, {}, operator)).status).toBe(422);
    expect((await on.api('GET', TASKS, {}, sender)).status).toBe(403);
  });

  test('of an order can be revoked before a worker takes it', async () => {
    const order = await place(on, owner);
    expect(await act(order.task_id, 'revoke')).toMatchObject({ status: 200, body: { state: 'REVOKED' } });
    expect(await work(messageOf(order))).toBe(false);
    expect(await task(order)).toMatchObject({ state: 'REVOKED', attempts: [] });
  });

  test('of an order can be revoked between two tries; its order says so', async () => {
    const order = await place(on, owner);
    setFault(broken(1));
    await work(messageOf(order));
    expect(await act(order.task_id, 'revoke')).toMatchObject({ status: 200, body: { state: 'REVOKED' } });
    expect(await work(messageOf(order), 2)).toBe(false);
    expect((await timeline(order)).waiting_for).toBe('its task was revoked, until an operator retries it');
  });

  test('are changed by one of two who act at once; the other is told', async () => {
    const { task_id } = await add();
    const both = async (deed: () => Promise<{ status: number }>) =>
      (await Promise.all([deed(), deed()])).map(({ status }) => status).sort((a, b) => a - b);
    expect(await both(() => act(task_id, 'revoke'))).toEqual([200, 409]);
    const path = `${TASKS}${task_id}/`;
    const patch = (status: string, headers = {}) => on.api('PATCH', path, { body: { status }, headers }, operator);
    const { etag = '' } = (await on.api('GET', path, {}, operator)).headers;
    expect(await both(() => patch('new', { 'if-match': etag }))).toEqual([200, 412]);
    expect(await both(() => patch('newer'))).toEqual([200, 200]);
    expect(await both(() => act(task_id, 'retry'))).toEqual([202, 409]);
    await act(task_id, 'revoke');
    expect(await both(() => on.api('DELETE', path, {}, operator))).toEqual([204, 404]);
  });

  test('that wait can be revoked, are not worked on then, and can be retried', async () => {
    const { task_id, ...body } = await add();
    expect(body).toMatchObject({ state: 'PENDING', attempts: [], result: null });
    expect(await act(task_id, 'retry')).toMatchObject({ status: 409 });
    expect(await act(task_id, 'revoke')).toMatchObject({ status: 200, body: { state: 'REVOKED' } });
    expect(await act(task_id, 'revoke')).toMatchObject({ status: 409 });
    await on.settle(async () => (await on.api('GET', `${RESULTS}${task_id}`, {}, operator)).body.state === 'REVOKED');
    await on.settle();
    expect(await read(on, operator, `${TASKS}${task_id}`)).toMatchObject({ state: 'REVOKED', attempts: [] });
    expect(await act(task_id, 'retry')).toMatchObject({ status: 202, body: { state: 'PENDING' } });
    await on.settle(async () => (await read(on, operator, `${TASKS}${task_id}`)).state === 'SUCCESS');
  });

  test('that are begun can be retried once their worker must be over', async () => {
    const order = await place(on, owner);
    setFault(({ command }) => (command === 'TransactWriteItemsCommand' ? 'before' : undefined));
    await expect(work(messageOf(order))).rejects.toThrow();
    setFault(undefined);
    expect(await act(order.task_id, 'retry')).toMatchObject({ status: 409 });
    await on.moveClock(61);
    expect(await act(order.task_id, 'retry')).toMatchObject({ status: 202, body: { state: 'PENDING' } });
    await on.moveClock(0);
    expect(await work(messageOf(order), 2)).toBe(false);
    expect(await task(order)).toMatchObject({ state: 'PENDING' });
    await work({ ...messageOf(order), edits: 1 });
    expect(await task(order)).toMatchObject({
      state: 'SUCCESS',
      attempts: [{ number: 1, error: 'the worker ended without a word' }, { number: 2 }],
    });
  });

  test('that wait can be corrected: what is worked on is the correction', async () => {
    const { task_id } = await add();
    const path = `${TASKS}${task_id}/`;
    const patched = await on.api('PATCH', path, { body: { order_key: 'K-9' } }, operator);
    expect(patched).toMatchObject({ status: 200, body: { state: 'PENDING', order_key: 'K-9' } });
    await on.settle(async () => (await read(on, operator, path)).state === 'SUCCESS');
    await on.settle();
    const done = await read(on, operator, path);
    expect(done).toMatchObject({ result: 'TNDK-9pending', attempts: [{ number: 1 }] });
    expect((await on.api('PATCH', path, { body: { order_key: 'K-8' } }, operator)).status).toBe(409);
    expect(await read(on, operator, path)).toEqual(done);
  });

  test('that failed can be corrected before they are retried', async () => {
    const { task_id } = await add();
    const path = `${TASKS}${task_id}/`;
    const patch = (body: object, headers = {}) => on.api('PATCH', path, { body, headers }, operator);
    await act(task_id, 'revoke');
    const { etag = '' } = (await on.api('GET', path, {}, operator)).headers;
    expect((await patch({ order_key: 'K-2' }, { 'if-match': etag })).body).toMatchObject({ order_key: 'K-2' });
    expect((await patch({ order_key: 'K-3' }, { 'if-match': etag })).status).toBe(412);
    expect((await patch({ state: 'SUCCESS' })).status).toBe(422);
    const replaced = await on.api(
      'PUT',
      path,
      { body: { ...messageTo('http://127.0.0.1:9/'), currency: 'EUR' } },
      operator,
    );
    expect(replaced.body).toMatchObject({ order_key: 'K-1', currency: 'EUR' });
    await act(task_id, 'retry');
    await on.settle(async () => (await read(on, operator, path)).state === 'SUCCESS');
    expect(await read(on, operator, path)).toMatchObject({ result: 'EURK-1pending' });
    const order = await place(on, owner);
    await work(messageOf(order));
    const other = await on.api('PATCH', `${TASKS}${order.task_id}`, { body: { currency: 'EUR' } }, operator);
    expect(other.status).toBe(409);
  });

  test('can be deleted; a late message does not bring one back, and one that waited is not worked on', async () => {
    const order = await place(on, owner);
    const path = `${TASKS}${order.task_id}/`;
    const { task_id: waiting } = await add();
    expect((await on.api('DELETE', `${TASKS}${waiting}`, {}, operator)).status).toBe(204);
    await work(messageOf(order));
    expect((await on.api('DELETE', path, { headers: { 'if-match': '"old"' } }, operator)).status).toBe(412);
    expect((await on.api('DELETE', path, {}, operator)).status).toBe(204);
    expect(await work(messageOf(order))).toBe(false);
    setFault(broken(1));
    expect(await work(messageOf(order), 3)).toBe(false);
    expect((await timeline(order)).waiting_for).toBe('its task was deleted: no result will come');
    await on.settle();
    for (const gone of [order.task_id, waiting]) {
      expect((await on.api('GET', `${TASKS}${gone}`, {}, operator)).status).toBe(404);
    }
    expect((await on.api('GET', `${DELIVERIES}msg_${waiting}`, {}, operator)).status).toBe(404);
  });
});

describe('task results', () => {
  const ended = (task_id: string, state: string, at: string) => ({
    task_id,
    order: null,
    order_key: 'K',
    state,
    result: state,
    error: null,
    sequence: 1,
    ended_at: at,
  });
  const record = (body: object) => on.run('Orders/RecordResult/Function', queued(body));

  test('keep the latest word on a task, in whatever order the words come', async () => {
    const task_id = '0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55';
    await record(ended(task_id, 'SUCCESS', '2026-01-01T00:00:02.000Z'));
    await record(ended(task_id, 'FAILURE', '2026-01-01T00:00:01.000Z'));
    await record(ended(task_id, 'SUCCESS', '2026-01-01T00:00:02.000Z'));
    expect(await read(on, operator, `${RESULTS}${task_id}`)).toMatchObject({ state: 'SUCCESS' });
  });

  test('are made, read, listed, changed, replaced and deleted by operators', async () => {
    const task_id = '0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a66';
    const order_id = '0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a77';
    const path = `${RESULTS}${task_id}/`;
    const call = (method: string, body?: object, headers = {}) => on.api(method, path, { body, headers }, operator);
    const body = { task_id, order_key: 'K', state: 'SUCCESS', result: 'R' };
    const made = await on.api('POST', RESULTS, { body }, operator);
    expect(made).toMatchObject({
      status: 201,
      headers: { location: path },
      body: { ...body, order: null, sequence: 1 },
    });
    expect((await on.api('POST', RESULTS, { body }, operator)).status).toBe(409);
    expect((await on.api('POST', RESULTS, { body }, owner)).status).toBe(403);
    expect((await read(on, operator, `${RESULTS}?limit=200`)).results).toContainEqual(made.body);
    const { etag = '' } = (await call('GET')).headers;
    expect((await call('PATCH', { result: 'S' }, { 'if-match': etag })).body).toMatchObject({
      result: 'S',
      state: 'SUCCESS',
    });
    expect((await call('PATCH', { result: 'T' }, { 'if-match': etag })).status).toBe(412);
    expect((await call('PUT', { order_key: 'K', state: 'FAILURE', error: 'E' })).body).toMatchObject({
      task_id,
      state: 'FAILURE',
      error: 'E',
      result: null,
    });
    expect((await call('PUT', { state: 'FAILURE' })).body.errors).toMatchObject([{ path: 'order_key' }]);
    await call('PUT', { order: order_id, order_key: 'K', state: 'FAILURE', result: 'R', error: 'E', sequence: 7 });
    const { received_at: _, ...whole } = (await call('GET')).body;
    expect((await call('PATCH', { state: 'SUCCESS' })).body).toMatchObject({ ...whole, state: 'SUCCESS' });
    const both = async (headers = {}) =>
      (await Promise.all(['F', 'G'].map((error) => call('PATCH', { error }, headers))))
        .map(({ status }) => status)
        .sort();
    expect(await both()).toEqual([200, 200]);
    expect(await both({ 'if-match': (await call('GET')).headers['etag'] })).toEqual([200, 412]);
    expect((await call('DELETE')).status).toBe(204);
    expect((await call('GET')).status).toBe(404);
    expect((await call('DELETE')).status).toBe(404);
  });
});
