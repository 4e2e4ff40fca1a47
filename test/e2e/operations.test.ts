import { type Deployed, deployed } from '../support/deployed';
import { deployedParts } from '../support/deployed-parts';
import { eventually } from '../support/processes';
import { expecting, PATIENCE_MS, throughTheDesk } from './operations-story';
import { confirmed, newUser, placeOrder } from './story';

let stack: Deployed;
let headers: Record<string, string>;
beforeAll(async () => {
  stack = await deployed();
  headers = await stack.admin();
});

const call = (method: string, path: string, body?: unknown, expected = 200) =>
  expecting(stack, headers)(method, path, body, expected);

test('a poison message comes to the desk, is edited, goes back by filter after a dry run, and is done', async () => {
  await throughTheDesk(stack, headers);
}, 300_000);

test('a schedule that is switched off stays off, and runs by hand', async () => {
  const path = '/api/ops/schedules/Catalogue.StartRun/';
  const lastRun = async (): Promise<string | null> => (await call('GET', path)).last_run;
  expect((await call('PATCH', path, { enabled: false })).enabled).toBe(false);
  try {
    const before = await lastRun();
    // what keeps schedules as they were switched
    await (await deployedParts(stack.port)).invoke('OperationsKeep');
    const { enabled, next_run, changed_by } = await call('GET', path);
    expect([enabled, next_run, changed_by]).toEqual([false, null, 'admin']);
    const { started_at } = await call('POST', `${path}run/`, undefined, 202);
    expect(await lastRun()).toBe(started_at);
    expect(before === null || before < started_at).toBe(true);
    await eventually(
      'a refresh began',
      async () => {
        const { results } = await call('GET', '/api/catalogue/runs/?limit=5');
        return results.some((run: { started_at: string }) => run.started_at >= started_at);
      },
      PATIENCE_MS,
    );
  } finally {
    expect((await call('PATCH', path, { enabled: true })).enabled).toBe(true);
  }
}, 300_000);

test('an order shows in the summary of tasks, in the search and in the metrics; all lanes and neighbours are there', async () => {
  const user = await newUser(stack);
  const before = (await call('GET', '/api/ops/tasks/summary/')).states.SUCCESS;
  const { body: order } = await placeOrder(stack, user);
  await confirmed(stack, user, order.uuid);
  await eventually(
    'the task is counted',
    async () => (await call('GET', '/api/ops/tasks/summary/')).states.SUCCESS > before,
    PATIENCE_MS,
  );
  for (const q of [order.uuid, order.order_key]) {
    const { results } = await call('GET', `/api/ops/search/?q=${q}`);
    expect(results).toMatchObject([{ entity: 'order', id: order.uuid, state: 'confirmed', waiting_for: null }]);
  }
  const [task] = (await call('GET', `/api/ops/search/?q=${order.task_id}`)).results;
  expect(task).toMatchObject({ entity: 'task', state: 'SUCCESS' });
  const { key, prefix } = await call('POST', '/api/api-keys/', { name: 'scraper', scopes: ['metrics:read'] }, 201);
  const metrics = await stack.http('GET', '/metrics', { headers: { authorization: `Api-Key ${key}` } });
  expect(metrics.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(metrics.body).toMatch(/^mercato_tasks_total\{state="SUCCESS",name="process_order"\} [1-9]\d*$/m);
  expect(metrics.body).not.toMatch(/mercato_scrape_success\{.*\} 0/);
  expect(metrics.body).toMatch(/\n# EOF\n$/);
  await call('DELETE', `/api/api-keys/${prefix}/`, undefined, 204);
  const { results: queues } = await call('GET', '/api/ops/queues/');
  expect(queues.length).toBeGreaterThan(10);
  const { results: neighbours } = await call('GET', '/api/ops/neighbours/');
  expect(neighbours.map(({ faults }: { faults: { mode: string } }) => typeof faults.mode)).toEqual(
    Array(3).fill('string'),
  );
  const { results: streams } = await call('GET', '/api/ops/streams/');
  expect(streams.find(({ stream }: { stream: string }) => stream === 'Receipts.Count').lag).toEqual(expect.any(Number));
}, 240_000);
