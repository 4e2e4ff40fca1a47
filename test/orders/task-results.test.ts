import { queued, RESULTS, read } from './shop';
import { openTasks, type Tasks } from './tasks';

let { on, owner, operator, close } = {} as Tasks;
beforeAll(async () => {
  ({ on, owner, operator, close } = await openTasks());
});
afterAll(() => close());

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
