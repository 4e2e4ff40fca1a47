import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { sqs } from '../../lambdas/kernel/queue';
import { setFault } from '../support/faults';
import type { Caller } from '../support/principals';
import { DELIVERIES, messageOf, place, queued, RESULTS, read, receiver, TASKS } from './shop';
import { broken, openTasks, type Tasks } from './tasks';

let { on, owner, operator, task, timeline, work, close } = {} as Tasks;
beforeAll(async () => {
  ({ on, owner, operator, task, timeline, work, close } = await openTasks());
});
afterAll(() => close());
afterEach(() => setFault(undefined));

const steps = (events: { event: string; text: string }[]) => events.map(({ event }) => event);

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
  const error = 'InternalServerError: no access to …';

  test('says that it will be tried again, and why', async () => {
    const order = await place(on, owner);
    setFault(broken(1));
    expect(await work(messageOf(order))).toBe(true);
    expect(await task(order)).toMatchObject({
      state: 'RETRY',
      error,
      ended_at: null,
      attempts: [{ number: 1, error }],
    });
    expect((await timeline(order)).waiting_for).toBe(`its task failed and will be tried again: ${error}`);
    await work(messageOf(order), 2);
    expect(await task(order)).toMatchObject({ state: 'SUCCESS', error: null });
  });

  test('is retried with its errors kept, fails for good at the last time, and succeeds when an operator retries it', async () => {
    const order = await place(on, owner);
    setFault(broken(5));
    // no record until the outbox or a worker has written one
    const state = async () => (await on.api('GET', `${TASKS}${order.task_id}`, {}, operator)).body.state;
    await on.settle(async () => (await state()) === 'FAILURE');
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
