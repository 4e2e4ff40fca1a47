import { rmSync } from 'node:fs';
import { deploy } from '../../bin/deployment';
import { firstPeople } from '../../bin/first-people';
import { firstProducts } from '../../bin/first-products';
import { refreshed } from '../e2e/catalogue-story';
import { ranTo } from '../e2e/profiles-story';
import { type Deployed, deployed } from '../support/deployed';
import { startEmulator } from '../support/emulator-setup';
import { eventually } from '../support/processes';

// on an emulator of its own: the clock moves for all that is deployed there
let emulator: Awaited<ReturnType<typeof startEmulator>>;
let stack: Deployed;
let headers: Record<string, string> & { authorization: string };

beforeAll(async () => {
  emulator = await startEmulator();
  await deploy({ port: emulator.port, outDir: emulator.dir });
  stack = await deployed(emulator.port);
  headers = (await stack.admin()) as typeof headers;
}, 180_000);
afterAll(async () => {
  await emulator.stop();
  rmSync(emulator.dir, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: bodies are of every shape
type Body = any;
const RESOURCES = ['users', 'addresses', 'credit_cards'];
const PATIENCE_MS = 150_000;

const get = async (path: string): Promise<Body> => (await stack.http('GET', path, { headers })).body;
const runsOf = async (resource: string): Promise<Body[]> =>
  (await get(`/api/profiles/runs/?resource=${resource}&limit=100`)).results;
const setFaults = (mode: string) =>
  Promise.all(
    ['random-data', 'offers'].map((name) => stack.http('PUT', `/sandbox/${name}/faults/`, { headers, body: { mode } })),
  );
/** Everything that both contexts show of what they have collected, with its versions. */
const collected = async () => {
  const paths = ['/api/products/?limit=200', '/api/profiles/users/?limit=200', '/api/profiles/addresses/?limit=200'];
  return Promise.all(paths.map(async (path) => (await get(path)).results));
};

test('after a fresh start people are there and linked, prices move, and both go on by themselves', async () => {
  await firstPeople(stack.url, headers);
  await firstProducts(stack.url, headers);
  await eventually(
    'people are linked and products priced',
    async () => {
      const linked = await get('/api/profiles/addresses/?assigned=true');
      const priced = await get('/api/products/?sort=price');
      return linked.results.length > 10 && priced.results.length > 10;
    },
    PATIENCE_MS,
  );
  const before = (await get('/api/profiles/users/?limit=200')).results.length;
  await eventually(
    'the schedules have brought more people and other prices',
    async () => {
      const users = (await get('/api/profiles/users/?limit=200')).results.length;
      const moved = (await get('/api/catalogue/runs/')).results.filter(({ changed }: Body) => changed > 0);
      return users > before && moved.length > 1;
    },
    PATIENCE_MS,
  );
}, 400_000);

test('both neighbours down for ten minutes: nothing is lost, all of it is made up for, and the runs tell it', async () => {
  await setFaults('500');
  await eventually(
    'a run of each schedule has failed',
    async () => {
      const latest = await Promise.all(RESOURCES.map(async (resource) => (await runsOf(resource))[0]));
      const [refresh] = (await get('/api/catalogue/runs/')).results;
      return (
        latest.every(({ state }) => state === 'failed') && refresh.failed > 0 && refresh.failed === refresh.products
      );
    },
    PATIENCE_MS,
  );
  const before = await collected();
  const backfill = await stack.http('POST', '/api/profiles/runs/', {
    headers,
    body: { resource: 'users', batches: 3 },
  });
  const product = await stack.http('POST', '/api/products/', {
    headers,
    body: { name: 'Patient lamp', description: 'Waits for its offers.' },
  });
  const waiting = await eventually(
    'backfill and registration have met the fault',
    async () => {
      const run = await get(`/api/profiles/runs/${backfill.body.id}/`);
      const registration = await get(`/api/registrations/${product.body.id}/`);
      return run.error !== null && registration.attempts > 0 && { run, registration };
    },
    PATIENCE_MS,
  );
  expect(waiting.run).toMatchObject({ state: 'running', batches_done: 0, error: 'the source answered 500' });
  expect(waiting.registration).toMatchObject({ state: 'pending', last_error: 'unavailable: status 500' });

  await stack.moveClock(600);
  expect(await ranTo(stack, headers, 'failed', { resource: 'addresses' })).toMatchObject({ attempts: 4, stored: 0 });
  const dark = await refreshed(stack, headers);
  expect(dark).toMatchObject({ refreshed: 0, changed: 0, failed: dark.products });
  const [products, ...people] = await collected();
  expect(people).toEqual(before.slice(1));
  expect(products?.slice(1)).toEqual(before[0]);

  await setFaults('none');
  await eventually(
    'backfill, registration and what the schedules owed are made up for',
    async () => {
      const run = await get(`/api/profiles/runs/${backfill.body.id}/`);
      const registration = await get(`/api/registrations/${product.body.id}/`);
      const owed = await Promise.all(
        RESOURCES.map(async (resource) => (await runsOf(resource)).find(({ trigger }) => trigger === 'catch_up')),
      );
      return (
        run.state === 'succeeded' &&
        registration.state === 'registered' &&
        owed.every((catchUp) => catchUp?.state === 'succeeded')
      );
    },
    2 * PATIENCE_MS,
  );
  expect(await get(`/api/profiles/runs/${backfill.body.id}/`)).toMatchObject({ batches_done: 3, error: null });
  for (const resource of RESOURCES) {
    const runs = await runsOf(resource);
    const missed = runs.filter(({ trigger, error }) => trigger === 'schedule' && error === 'the source answered 500');
    const catchUps = runs.filter(({ trigger }) => trigger === 'catch_up');
    const madeUp = catchUps.reduce((sum, { batches_done }) => sum + batches_done, 0);
    expect(missed.length).toBeGreaterThan(0);
    expect(madeUp).toBeGreaterThanOrEqual(missed.length);
  }
  await eventually(
    'all offers are read again',
    async () => {
      const { state, products, refreshed: read } = await refreshed(stack, headers);
      return state === 'done' && products > 0 && read === products;
    },
    PATIENCE_MS,
  );
  const { unobserved } = await get(`/api/products/${before[0]?.[0].id}/prices/`);
  const longest = Math.max(...unobserved.map(({ from, to }: Body) => Date.parse(to) - Date.parse(from)));
  expect(unobserved.map(({ reason }: Body) => reason)).toContain('no complete refresh');
  expect(longest).toBeGreaterThan(600_000);
}, 900_000);
