import { setFault } from '../support/faults';
import { DELIVERIES, messageOf, messageTo, place, RESULTS, read, TASKS } from './shop';
import { broken, openTasks, type Tasks } from './tasks';

let { on, owner, operator, sender, task, timeline, work, close } = {} as Tasks;
beforeAll(async () => {
  ({ on, owner, operator, sender, task, timeline, work, close } = await openTasks());
});
afterAll(() => close());
afterEach(() => setFault(undefined));

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
