import type { Platform } from '../support/platform';
import { offer, openShop, type Shop } from './shop';

let shop: Shop;
let p: Platform;
let { service, seller, operator } = {} as Shop;
beforeAll(async () => {
  shop = await openShop();
  ({ p, service, seller, operator } = shop);
});
afterAll(() => shop.close());
afterEach(() => {
  service.state.everything = undefined;
  service.state.offers.clear();
});

test('known already is success, a refusal is said and final until the product changes', async () => {
  const again = await p.api('POST', '/api/products/', { body: { name: 'Known', description: 'x' } }, seller);
  service.state.registered.set(again.body.id, { name: 'Known' });
  const refused = await shop.addProduct('Refused');
  expect((await p.api('GET', `/api/registrations/${again.body.id}/`, {}, seller)).body).toMatchObject({
    state: 'registered',
  });
  expect((await p.api('GET', `/api/registrations/${refused}/`, {}, seller)).body).toMatchObject({
    state: 'failed',
    attempts: 1,
  });
  expect(await shop.productOf(refused)).toMatchObject({ offers_status: 'error' });
  const stranger = await p.callers.user();
  expect((await p.api('GET', `/api/registrations/${refused}/`, {}, stranger)).status).toBe(404);
  expect((await p.api('GET', `/api/registrations/${refused}/`, {}, operator)).status).toBe(200);
  const renamed = await p.api('PATCH', `/api/products/${refused}/`, { body: { name: 'Accepted' } }, seller);
  expect(renamed.body).toMatchObject({ name: 'Accepted', offers_status: 'registering', offers_error: null });
  await p.settle();
  expect(await shop.productOf(refused)).toMatchObject({ offers_status: 'active' });
});

test('a product that the service has forgotten is registered anew, once, and comes back', async () => {
  const id = await shop.addProduct('Forgotten');
  const registration = () => shop.get(`/api/registrations/${id}/`);
  for (const before of [[offer(10)], 500]) {
    service.state.offers.set(id, before);
    await shop.refresh();
    service.state.registered.delete(id);
    service.state.offers.set(id, 404);
    const { attempts } = await registration();
    expect(await shop.refresh()).toMatchObject({ failures: { not_found: 1 } });
    await p.settle();
    expect(service.state.registered.has(id)).toBe(true);
    expect(await registration()).toMatchObject({ state: 'registered', attempts: attempts + 1 });
    expect(await shop.productOf(id)).toMatchObject({ offers_status: 'error', offers_error: 'offers: status 404' });
    await shop.refresh();
    expect(await registration()).toMatchObject({ attempts: attempts + 1 });
    service.state.offers.set(id, [offer(20)]);
    await shop.refresh();
    expect(await shop.productOf(id)).toMatchObject({ offers_status: 'active', lowest_price: '20.00' });
  }
});

test('a product renamed while the service refuses its old name is tried with the new one', async () => {
  const { body } = await p.api('POST', '/api/products/', { body: { name: 'Refused', description: 'x' } }, seller);
  service.state.meanwhile = () => p.api('PATCH', `/api/products/${body.id}/`, { body: { name: 'Taken' } }, seller);
  await p.settle();
  expect(service.state.registered.get(body.id)).toMatchObject({ name: 'Taken' });
  expect(await shop.productOf(body.id)).toMatchObject({ name: 'Taken', offers_status: 'active' });
});
