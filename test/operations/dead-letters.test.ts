import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { sqs } from '../../lambdas/kernel/queue';
import { TASKS } from '../orders/shop';
import { setFault } from '../support/faults';
import { ProcessEnded } from '../support/processes';
import {
  collect,
  type Desk,
  depthOf,
  LETTERS,
  moved,
  openDesk,
  poison,
  showAgainAtOnce,
  taskMessage,
  worker,
} from './desk';

let { p, operator, call, inLane } = {} as Desk;
beforeAll(async () => {
  ({ p, operator, call, inLane } = await openDesk('orders'));
});
afterAll(() => p.close());
afterEach(() => setFault(undefined));

const dead = async (lane = 'Orders.Work'): Promise<number> => {
  const { body } = await call('GET', '/api/ops/queues/');
  return body.results.find((one: { lane: string }) => one.lane === lane).dead;
};

/** Poisons the lane of tasks. @returns the letter at the desk */
async function letter(body: unknown = { nonsense: true }) {
  await poison(p, body);
  await collect(p);
  const [newest] = await inLane('Orders.Work');
  return newest;
}

test('a message that no worker can work on comes to the desk, is edited, goes back once, and is done', async () => {
  const found = await letter({ nonsense: true });
  expect(found).toMatchObject({
    id: expect.stringMatching(/^message\./),
    kind: 'message',
    lane: 'Orders.Work',
    context: 'orders',
    payload: { nonsense: true },
    reason: expect.stringMatching(/^Hopeless/),
    attempts: 1,
    state: 'open',
    can_put_back: true,
  });
  expect(await dead()).toBe(1);
  expect(await depthOf(worker(p)['DEAD_LETTERS_QUEUE_URL'])).toBe(0);

  const path = `${LETTERS}${found.id}/`;
  const read = await call('GET', path);
  const payload = taskMessage();
  const edited = await call('PATCH', path, { payload }, { 'if-match': read.headers['etag'] ?? '' });
  expect([edited.status, edited.body.payload, edited.body.edited]).toEqual([200, payload, true]);
  const late = await call('PATCH', path, { payload: {} }, { 'if-match': read.headers['etag'] ?? '' });
  expect(late.status).toBe(412);

  const put = await call('POST', `${path}put-back/`);
  expect([put.status, put.body.state]).toEqual([202, 'put_back']);
  expect((await call('POST', `${path}put-back/`)).status).toBe(409);
  expect((await call('PATCH', path, { payload })).status).toBe(409);
  await p.settle();
  const task = await p.api('GET', `${TASKS}${payload.task_id}/`, {}, operator, 'orders');
  expect(task.body.state).toBe('SUCCESS');

  expect(await dead()).toBe(0);
  expect(await inLane('Orders.Work')).toEqual([]);
  expect((await call('GET', path)).body).toMatchObject({ state: 'put_back', ended_by: expect.any(String) });
  const trail = await p.api('GET', '/api/audit/?entity=dead_letter', {}, operator, 'audit');
  expect(trail.body.results.map((entry: { operation: string }) => entry.operation)).toEqual([
    'putBackDeadLetter',
    'changeDeadLetter',
  ]);
  expect(trail.body.results[0]).toMatchObject({ entity_id: found.id, before: { state: 'open' } });
});

test('by filter: a dry run says how many, the rest goes back in pieces, and nothing goes twice', async () => {
  const tasks = Array.from({ length: 5 }, taskMessage);
  for (const task of tasks) await moved(p, JSON.stringify(task));
  await moved(p, 'no JSON at all');
  await collect(p);
  const all = await inLane('Orders.Work');
  expect(all).toHaveLength(6);
  expect(all[0].reason).toBe('its function died or timed out each time');
  expect(all.map((one: { payload: unknown }) => one.payload)).toContain('no JSON at all');

  const filter = { lane: 'Orders.Work', reason: 'DIED' };
  const put = async (body: object) => (await call('POST', `${LETTERS}put-back/`, { filter, ...body })).body;
  expect(await put({ dry_run: true })).toMatchObject({ concerned: 6, exact: true, put_back: 0, cursor: null });
  expect(await dead()).toBe(6);
  const first = await put({ limit: 4 });
  expect(first).toMatchObject({ concerned: 4, put_back: 4, refused: [] });
  const second = await put({ limit: 4, cursor: first.cursor });
  expect(second).toMatchObject({ concerned: 2, put_back: 2, cursor: null });
  expect(await put({})).toMatchObject({ concerned: 0, put_back: 0 });
  await p.settle();
  for (const { task_id } of tasks) {
    expect((await p.api('GET', `${TASKS}${task_id}/`, {}, operator, 'orders')).body.state).toBe('SUCCESS');
  }
  // the one that is still no task is back at the desk, as another letter
  await collect(p);
  const [left, ...others] = await inLane('Orders.Work');
  expect([left.payload, others]).toEqual(['no JSON at all', []]);
  expect((await call('DELETE', `${LETTERS}${left.id}/`)).status).toBe(204);
  expect((await call('DELETE', `${LETTERS}${left.id}/`)).status).toBe(409);
  expect(await dead()).toBe(0);
});

test('a filter by ids takes those alone, and a time that they were not dead at takes none', async () => {
  await moved(p, JSON.stringify(taskMessage()));
  await moved(p, JSON.stringify(taskMessage()));
  await collect(p);
  const [one, other] = await inLane('Orders.Work');
  const put = async (filter: object, dry_run = true) =>
    (await call('POST', `${LETTERS}put-back/`, { filter, dry_run })).body;
  expect((await put({ context: 'orders', to: '2020-01-01' })).concerned).toBe(0);
  expect((await put({ ids: [one.id, 'message.nothing'] })).concerned).toBe(1);
  expect((await put({ ids: [one.id] }, false)).put_back).toBe(1);
  expect((await inLane('Orders.Work')).map(({ id }: { id: string }) => id)).toEqual([other.id]);
  await put({ lane: 'Orders.Work' }, false);
  const foreign = await call('POST', `${LETTERS}put-back/`, { filter: {}, cursor: 'x' });
  expect([foreign.status, foreign.body.errors[0].path]).toEqual([422, 'cursor']);
  await p.settle();
});

test('a page of large ones ends before an answer is full, and the next goes on there', async () => {
  for (let n = 0; n < 20; n++) await moved(p, JSON.stringify({ n, text: 'x'.repeat(200_000) }));
  await collect(p);
  const given: { id: string; payload: { n: number } }[] = [];
  let pages = 0;
  for (let next: string | null = `${LETTERS}?lane=Orders.Work&limit=200`; next; pages++) {
    const { body } = await call('GET', next);
    expect(JSON.stringify(body).length).toBeLessThan(2_500_000);
    given.push(...body.results);
    next = body.next;
  }
  expect(pages).toBeGreaterThan(1);
  expect(given.map(({ payload }) => payload.n).sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
  for (const { id } of given) await call('DELETE', `${LETTERS}${id}/`);
});

test('a piece for which time is up is repeated, by filter and by ids, and the rest of it goes back', async () => {
  for (let n = 0; n < 12; n++) await moved(p, JSON.stringify(taskMessage()));
  await collect(p);
  const ids = (await inLane('Orders.Work')).map(({ id }: { id: string }) => id);
  const put = async (body: object) => (await call('POST', `${LETTERS}put-back/`, body)).body;
  const { now } = Date;
  const late = async (body: object) => {
    const jump = () => jest.spyOn(Date, 'now').mockImplementation(() => now() + 20_000);
    setFault(({ command }) => void (/^Transact/.test(command) && jump()));
    const report = await put(body);
    jest.restoreAllMocks();
    setFault(undefined);
    expect([report.put_back > 0, typeof report.cursor]).toEqual([true, 'string']);
    return report;
  };
  const filter = { lane: 'Orders.Work' };
  const first = await late({ filter });
  const second = await late({ filter: { ids } });
  const third = await put({ filter: { ids }, cursor: second.cursor });
  expect([first.put_back + second.put_back + third.put_back, third.cursor]).toEqual([12, null]);
  await p.settle();
});

test('what is kept but not deleted when the function dies is kept once', async () => {
  const queue = worker(p)['DEAD_LETTERS_QUEUE_URL'];
  await showAgainAtOnce(queue);
  await moved(p, JSON.stringify(taskMessage()));
  setFault(({ command }) => (command === 'DeleteMessageBatchCommand' ? 'before' : undefined));
  await expect(collect(p)).rejects.toThrow(ProcessEnded);
  setFault(undefined);
  await collect(p);
  expect([await dead(), await depthOf(queue), (await inLane('Orders.Work')).length]).toEqual([1, 0, 1]);
});

test.each(['before', 'after'] as const)(
  'a function that dies %s it has put a letter back: repeated, it has gone back once',
  async (when) => {
    const task = taskMessage();
    const { id } = await letter(task.task_id);
    expect((await call('PATCH', `${LETTERS}${id}/`, { payload: task })).status).toBe(200);
    setFault(({ entry, command }) => (entry === 'operations/api' && /^Transact/.test(command) ? when : undefined));
    await expect(call('POST', `${LETTERS}${id}/put-back/`)).rejects.toThrow(ProcessEnded);
    setFault(undefined);
    expect((await call('POST', `${LETTERS}${id}/put-back/`)).status).toBe(when === 'before' ? 202 : 409);
    await p.settle();
    const { body } = await p.api('GET', `${TASKS}${task.task_id}/`, {}, operator, 'orders');
    expect([body.state, body.attempts.length]).toEqual(['SUCCESS', 1]);
  },
);

test('what JSON cannot be read from without a loss is shown as the text that it is, and goes back unchanged', async () => {
  // a lane whose worker does not run here
  const pieces = p.named('Bulk/Pieces/Function').environment;
  const deep = `${'['.repeat(9_000)}${']'.repeat(9_000)}`;
  const texts = ['{"id":12345678901234567890}', '[1e400]', deep, '{"price": 1.50}'];
  for (const text of texts) await moved(p, text, pieces);
  await collect(p);
  const shown = (await inLane('Bulk.Pieces')).map(({ payload }: { payload: unknown }) => payload);
  expect(shown).toHaveLength(4);
  expect(shown).toEqual(expect.arrayContaining([...texts.slice(0, 3), { price: 1.5 }]));
  const { body } = await call('POST', `${LETTERS}put-back/`, { filter: { lane: 'Bulk.Pieces' } });
  expect(body).toMatchObject({ put_back: 4, refused: [] });
  await p.settle();
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: pieces['SOURCE_QUEUE_URL'], MaxNumberOfMessages: 10 }),
  );
  expect(Messages.map(({ Body }) => Body).sort()).toEqual([...texts].sort());
});

test('of two edits at once of what both have read, one is refused', async () => {
  const { id } = await letter();
  const path = `${LETTERS}${id}/`;
  const headers = { 'if-match': (await call('GET', path)).headers['etag'] ?? '' };
  const edits = await Promise.all(['a', 'b'].map((payload) => call('PATCH', path, { payload }, headers)));
  expect(edits.map(({ status }) => status).sort()).toEqual([200, 412]);
  expect((await call('DELETE', path, undefined, headers)).status).toBe(412);
  const now = { 'if-match': (await call('GET', path)).headers['etag'] ?? '' };
  expect((await call('DELETE', path, undefined, now)).status).toBe(204);
});

test('what no queue takes is refused before it is kept', async () => {
  const { id } = await letter();
  const path = `${LETTERS}${id}/`;
  const deep = `{"payload": ${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
  for (const edit of [{ payload: '\uffff' }, { payload: 'x'.repeat(250_001) }, {}, deep, '{"payload": [1e400]}']) {
    const { status, body } = await call('PATCH', path, edit);
    expect([status, body.errors[0].path]).toEqual([422, 'payload']);
  }
  expect((await call('DELETE', path)).status).toBe(204);
});
