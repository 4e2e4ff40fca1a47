import { type Deployed, deployed } from '../support/deployed';
import { eventually } from '../support/processes';
import { productWithOffers, refreshed } from './catalogue-story';

let stack: Deployed;
let headers: Record<string, string>;

beforeAll(async () => {
  stack = await deployed();
  headers = await stack.admin();
});

const get = async (path: string) => (await stack.http('GET', path, { headers })).body;
const setFaults = (mode: string) => stack.http('PUT', '/sandbox/offers/faults/', { headers, body: { mode } });
afterEach(() => setFaults('none'));

test('a product gets offers and prices by itself, and keeps them while the neighbour fails', async () => {
  const { id, offers } = await productWithOffers(stack, headers, 'End-to-end table');
  const path = `/api/products/${id}/`;
  expect(offers[0]).toMatchObject({ product: id, is_active: true, price: expect.stringMatching(/^\d+\.\d\d$/) });
  const { lowest, offers: series } = await get(`${path}prices/`);
  expect(series).not.toHaveLength(0);
  expect(lowest.price_at_start).toBeNull();
  expect((await get('/api/products/?search=end-to-end')).results.map((one: { id: string }) => one.id)).toContain(id);

  for (const mode of ['500', 'garbage', 'empty', 'wrong-shape', '429']) {
    await setFaults(mode);
    const ids = async () => (await get(`${path}offers/?is_active=any`)).results.map(({ id }: { id: string }) => id);
    const before = await ids();
    const run = await refreshed(stack, headers);
    expect(run).toMatchObject({ refreshed: 0, changed: 0 });
    expect(run.failed).toBe(run.products);
    expect(await ids()).toEqual(before);
    await setFaults('none');
  }
  // an access token that ended meanwhile is not asked for again at once
  await eventually(
    'all are read again',
    async () => {
      const { state, failed } = await refreshed(stack, headers);
      return state === 'done' && failed === 0;
    },
    60_000,
  );
}, 400_000);

test('a product added while the neighbour is down is registered when it is back', async () => {
  await setFaults('500');
  const product = { name: 'Patient chair', description: 'Waits.' };
  const { body } = await stack.http('POST', '/api/products/', { headers, body: product });
  const failed = await eventually(
    'an attempt has failed',
    async () => {
      const registration = await get(`/api/registrations/${body.id}/`);
      return registration.attempts > 0 && registration;
    },
    60_000,
  );
  expect(failed).toMatchObject({ state: 'pending', last_error: expect.stringContaining('500') });
  await setFaults('none');
  await eventually(
    'it is registered',
    async () => (await get(`/api/registrations/${body.id}/`)).state === 'registered',
    120_000,
  );
  await stack.http('DELETE', `/api/products/${body.id}/`, { headers });
  expect((await stack.http('GET', `/api/products/${body.id}/`, { headers })).status).toBe(404);
}, 200_000);
