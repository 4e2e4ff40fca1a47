import { messageTo, PROCESS, RESULTS, read, receiver, SEND, TASKS } from './shop';
import { openTasks, type Tasks } from './tasks';

let { on, owner, operator, sender, close } = {} as Tasks;
beforeAll(async () => {
  ({ on, owner, operator, sender, close } = await openTasks());
});
afterAll(() => close());

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
