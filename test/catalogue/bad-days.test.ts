import { setFault } from '../support/faults';
import { currentRun, type Run } from '../support/processes';
import { offer, openShop, type Shop } from './shop';

let shop: Shop;
let { service } = {} as Shop;
beforeAll(async () => {
  shop = await openShop();
  service = shop.service;
});
afterAll(() => shop.close());
afterEach(() => {
  setFault(undefined);
  service.state.everything = undefined;
  service.state.delay = 0;
  service.state.offers.clear();
});

const refreshPage = (ids: string[]) => shop.p.run('Catalogue/Refresh/Function', shop.pageOf(ids));

/** Takes a step once for each call of a function, which all of its runs die at; the first step goes well, to count them. */
async function dyingAtEachCall(entry: string, step: (number: number) => Promise<void>): Promise<number> {
  /** How many calls each run of the function has made so far. */
  let made = new Map<Run | undefined, number>();
  let steps = 0;
  const take = async (end: number, when: 'before' | 'after', runs: number) => {
    made = new Map();
    setFault((call) => {
      if (call.entry !== entry) return undefined;
      const run = currentRun();
      const number = (made.get(run) ?? 0) + 1;
      made.set(run, number);
      return number === end && made.size <= runs ? when : undefined;
    });
    await step(++steps);
    setFault(undefined);
  };
  await take(0, 'before', 0);
  const [runs, most] = [made.size, Math.max(...made.values())];
  expect(most).toBeGreaterThan(1);
  // after a call is before the next one
  for (let end = 1; end <= most; end++) await take(end, 'before', runs);
  await take(most, 'after', runs);
  return steps;
}

const IT = '0199f3a2-7c1e-4b60-8f0a-2f6e3c1b9a55';
const lowestOf = async (id: string) =>
  (await shop.pricesOf(id)).lowest.points.map(({ price }: { price: string }) => price);
const remove = (id: string) => shop.p.api('DELETE', `/api/products/${id}/`, {}, shop.operator);

test('a function of catalogue/register that dies at any of its calls loses nothing and doubles nothing', async () => {
  const ids: string[] = [];
  await dyingAtEachCall('catalogue/register', async (number) => {
    ids.push(await shop.addProduct(`Product ${number}`));
  });
  for (const id of ids) service.state.offers.set(id, [offer(20, 5, IT)]);
  expect(await shop.refresh()).toMatchObject({ state: 'done', products: ids.length, failed: 0 });
  for (const id of ids) {
    expect(await shop.offersOf(id)).toMatchObject([{ price: '20.00', is_active: true }]);
    expect(await lowestOf(id)).toEqual(['20.00']);
    expect((await remove(id)).status).toBe(204);
  }
}, 300_000);

test.each(['catalogue/divide', 'catalogue/refresh'])(
  'a function of %s that dies at any of its calls loses nothing and doubles nothing',
  async (entry) => {
    const id = await shop.addProduct('Steady');
    service.state.offers.set(id, [offer(10, 5, IT)]);
    await shop.refresh();
    const steps = await dyingAtEachCall(entry, async (number) => {
      service.state.offers.set(id, [offer(10 + number, 5, IT)]);
      expect(await shop.refresh()).toMatchObject({ state: 'done', failed: 0 });
      expect(await shop.offersOf(id)).toMatchObject([{ price: `${10 + number}.00`, is_active: true }]);
    });
    expect(await lowestOf(id)).toEqual(Array.from({ length: steps + 1 }, (_, number) => `${10 + number}.00`));
    await remove(id);
  },
  300_000,
);

test('when nothing answers, a page asks no more than some of its products, and notes nothing on any', async () => {
  const [known = ''] = await shop.addProducts('Known');
  service.state.offers.set(known, [offer(10)]);
  await shop.refresh();
  const before = await shop.productOf(known);
  service.state.everything = 503;
  const others = Array.from({ length: 60 }, () => crypto.randomUUID());
  const asked = service.state.asked;
  await refreshPage([known, ...others]);
  // twenty in a row, and those that were on their way
  expect(service.state.asked - asked).toBeLessThan(45);
  expect(await shop.productOf(known)).toEqual(before);
});

test('a slow answer and a connection that breaks off are that product’s alone', async () => {
  const [slow = '', broken = '', good = ''] = await shop.addProducts('Slow', 'Broken', 'Good');
  const was = offer(10);
  for (const id of [slow, broken, good]) service.state.offers.set(id, [was]);
  await shop.refresh();
  service.state.offers.set(slow, 'hang');
  service.state.offers.set(broken, 'hang up');
  service.state.offers.set(good, [{ ...was, price: 11 }]);
  const { environment } = shop.p.named('Catalogue/Refresh/Function');
  environment['OFFERS_TIMEOUT_MS'] = '1500';
  expect(await shop.refresh()).toMatchObject({ failed: 2, failures: { slow: 1, unavailable: 1 } });
  for (const id of [slow, broken]) expect(await shop.offersOf(id)).toMatchObject([{ price: '10.00', is_active: true }]);
  expect(await shop.offersOf(good)).toMatchObject([{ price: '11.00' }]);
  delete environment['OFFERS_TIMEOUT_MS'];
});

test('a service that asks to wait is asked again no sooner', async () => {
  service.state.everything = 429;
  service.state.retryAfter = '90';
  const { body } = await shop.p.api(
    'POST',
    '/api/products/',
    { body: { name: 'Later', description: 'x' } },
    shop.seller,
  );
  const registration = () => shop.get(`/api/registrations/${body.id}/`);
  await shop.p.settle(async () => (await registration()).attempts === 1);
  const { updated_at, next_attempt_at, last_error } = await registration();
  expect(Date.parse(next_attempt_at) - Date.parse(updated_at)).toBeGreaterThanOrEqual(90_000);
  expect(last_error).toBe('busy: status 429');
  service.state.retryAfter = undefined;
});

test('a refresh token that the service refuses shows as its failure; offers and registrations stay as they are', async () => {
  const id = await shop.addProduct('Untouched');
  service.state.offers.set(id, [offer(10)]);
  await shop.refresh();
  // over, and no other is to be had
  service.state.validUntil = 0;
  service.state.anyRefreshToken = 'none';
  const run = await shop.refresh();
  expect(run.failures.unavailable ?? 0).toBeGreaterThan(0);
  expect(run).toMatchObject({ refreshed: 0, changed: 0 });
  expect(await shop.offersOf(id)).toMatchObject([{ price: '10.00', is_active: true }]);
  service.state.anyRefreshToken = false;
}, 60_000);
