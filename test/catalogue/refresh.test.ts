import { observedAt } from '../../lambdas/catalogue/observation';
import { findWatch, segmentOf } from '../../lambdas/catalogue/watch';
import { calls, setFault } from '../support/faults';
import type { Platform } from '../support/platform';
import { eventually } from '../support/processes';
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
  service.state.delay = 0;
  service.state.offers.clear();
});

test('a product is registered, its offers are read, kept and priced', async () => {
  const id = await shop.addProduct();
  const registration = await p.api('GET', `/api/registrations/${id}/`, {}, seller);
  expect(registration.body).toMatchObject({ state: 'registered', attempts: 1 });
  expect(await shop.productOf(id)).toMatchObject({ offers_status: 'active', lowest_price: null });

  const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
  service.state.offers.set(id, [
    { id: a, price: 120.5, items_in_stock: 3 },
    { id: b, price: '99.9', items_in_stock: 0 },
  ]);
  expect(await shop.refresh()).toMatchObject({ state: 'done', products: 1, refreshed: 1, changed: 1, failed: 0 });
  expect((await shop.offersOf(id)).map(({ id, price }: { id: string; price: string }) => [id, price])).toEqual([
    [b, '99.90'],
    [a, '120.50'],
  ]);
  expect((await shop.offersOf(id, '?in_stock=true')).map(({ id }: { id: string }) => id)).toEqual([a]);
  expect(await shop.productOf(id)).toMatchObject({ lowest_price: '120.50' });
  expect(await shop.refresh()).toMatchObject({ refreshed: 1, changed: 0 });
});

test('a refresh in which nothing is new reads no product and writes nothing of one', async () => {
  const ids = await shop.addProducts('A', 'B', 'C');
  for (const id of ids) service.state.offers.set(id, [offer(10), offer(12)]);
  await shop.refresh();
  setFault(() => undefined);
  expect(await shop.refresh()).toMatchObject({ state: 'done', refreshed: ids.length + 1, changed: 0, failed: 0 });
  const made = calls.filter(({ entry }) => entry === 'catalogue/refresh').map(({ command }) => command);
  setFault(undefined);
  // four products in at most four pages, each with a read of the segment's coverage and a write of its counters, and at the
  // end of a segment the run's own and the coverage's: the same for pages of a hundred
  const most = { GetItemCommand: 2 * 4, UpdateItemCommand: 2 * 4, PutItemCommand: 4 };
  expect(made).toContain('UpdateItemCommand');
  for (const [command, count] of Object.entries(most)) {
    expect(made.filter((one) => one === command).length).toBeLessThanOrEqual(count);
  }
  expect(made.filter((command) => !(command in most))).toEqual([]);
});

test('an offer keeps its id, one that is gone is sold out with its history, and may come back', async () => {
  const id = await shop.addProduct();
  const [stays, goes] = [offer('19.99'), offer('15.50')];
  service.state.offers.set(id, [stays, goes]);
  await shop.refresh();
  service.state.offers.set(id, [{ ...stays, price: '21.00' }]);
  const { id: run } = await shop.refresh();
  expect((await shop.offersOf(id)).map((one: { id: string }) => one.id)).toEqual([stays.id]);
  const [gone] = await shop.offersOf(id, '?is_active=false');
  expect(gone).toMatchObject({ id: goes.id, price: '15.50', items_in_stock: 0, is_active: false });
  expect(await shop.productOf(id)).toMatchObject({ lowest_price: '21.00' });

  const report = await shop.pricesOf(id);
  const series = Object.fromEntries(report.offers.map((one: { offer: string }) => [one.offer, one]));
  expect(series[goes.id].points.map(({ price }: { price: string }) => price)).toEqual(['15.50', null]);
  expect(series[stays.id].points.map(({ price }: { price: string }) => price)).toEqual(['19.99', '21.00']);
  expect(series[stays.id].points[1].run).toBe(run);
  expect(report.lowest.points.map((point: object) => point)).toMatchObject([
    { price: '15.50', lowest_30_days: null },
    { price: '21.00', lowest_30_days: '15.50' },
  ]);

  service.state.offers.set(id, [stays, goes]);
  await shop.refresh();
  const back = (await shop.offersOf(id)).find((one: { id: string }) => one.id === goes.id);
  expect(back).toMatchObject({ is_active: true, items_in_stock: 5, first_seen_at: gone.first_seen_at });
});

test('over a period the change is of the price in force at its start, not of the first change inside', async () => {
  const id = await shop.addProduct();
  const it = offer(100);
  service.state.offers.set(id, [it]);
  await shop.refresh();
  service.state.offers.set(id, [{ ...it, price: 80 }]);
  await shop.refresh();
  const start = (await shop.pricesOf(id)).lowest.points.at(-1).at;
  service.state.offers.set(id, [{ ...it, price: 90 }]);
  await shop.refresh();
  service.state.offers.set(id, [{ ...it, price: '99.99' }]);
  await shop.refresh();
  const { lowest, offers } = await shop.pricesOf(id, `?from=${start}`);
  expect(lowest).toMatchObject({ price_at_start: '80.00', price_at_end: '99.99', change_percent: '24.99' });
  expect(offers).toMatchObject([{ offer: it.id, change_percent: '24.99' }]);
  expect(lowest.points).toHaveLength(2);
});

test('one product’s trouble, whatever it is, touches that product alone', async () => {
  const troubles: [unknown, string][] = [
    [404, 'not_found'],
    [401, 'unauthorized'],
    [500, 'unavailable'],
    [429, 'busy'],
    ['oops', 'garbage'],
    ['', 'garbage'],
    ['{"offers":[]}', 'garbage'],
    [[offer(-1)], 'garbage'],
  ];
  const bad = await shop.addProducts(...troubles.map(() => 'Bad'));
  const others = await shop.addProducts(...Array(6).fill('Good'));
  const before = offer(10);
  for (const id of [...bad, ...others]) service.state.offers.set(id, [before]);
  await shop.refresh();
  bad.forEach((id, place) => void service.state.offers.set(id, troubles[place]?.[0] as never));
  for (const id of others) service.state.offers.set(id, [{ ...before, price: 11 }]);
  const failures = { not_found: 1, unauthorized: 1, unavailable: 1, busy: 1, garbage: 4 };
  expect(await shop.refresh()).toMatchObject({ state: 'done', failed: 8, failures, changed: 6 });
  for (const [place, id] of bad.entries()) {
    expect(await shop.offersOf(id)).toMatchObject([{ id: before.id, price: '10.00', is_active: true }]);
    const { unobserved } = await shop.pricesOf(id);
    expect(unobserved.at(-1).reason).toContain(troubles[place]?.[1]);
  }
  for (const id of others) expect(await shop.offersOf(id)).toMatchObject([{ price: '11.00' }]);
  for (const id of bad) service.state.offers.set(id, [{ ...before, price: 12 }]);
  await shop.refresh();
  for (const id of bad) {
    expect(await shop.offersOf(id)).toMatchObject([{ id: before.id, price: '12.00' }]);
    expect(await shop.productOf(id)).toMatchObject({ offers_status: 'active', offers_error: null });
  }
});

const many = (count: number) => Array.from({ length: count }, () => crypto.randomUUID());

test.each([
  ['garbage', Array(60).fill('oops')],
  ['401', Array(60).fill(401)],
  ['500 of its first twenty', [...Array(20).fill(500), ...Array(40).fill([])]],
])('a page is worked on to its end whatever answers there are: %s', async (_, answers) => {
  const ids = many(answers.length);
  ids.forEach((id, place) => void service.state.offers.set(id, answers[place]));
  const { fetched } = service.state;
  await p.run('Catalogue/Refresh/Function', shop.pageOf(ids));
  expect(service.state.fetched - fetched).toBeGreaterThanOrEqual(60);
});

/** A run that has begun, and none of whose messages was worked on. */
const begun = async (): Promise<{ run: string; started_at: string }> => {
  const { id: run, started_at } = (await p.api('POST', '/api/catalogue/runs/', {}, operator)).body;
  return { run, started_at };
};
const work = (ids: string[], page: object) => p.run('Catalogue/Refresh/Function', shop.pageOf(ids, page));

test('the few of a segment’s last page say nothing about the service: the segment is observed, they are not', async () => {
  const id = await shop.addProduct();
  const run = { ...(await begun()), segment: segmentOf(id), pages: 2 };
  service.state.offers.set(id, 500);
  await work(many(30), { ...run, page: 0 });
  await work([id], { ...run, page: 1 });
  process.env['TABLE_NAME'] = p.named('Catalogue/Api').environment['TABLE_NAME'];
  expect(await observedAt(segmentOf(id))).toBe(run.started_at);
  expect(await findWatch(id)).toMatchObject({ failing: { reason: 'unavailable: status 500' } });
  await p.settle();
});

test('a function that dies between a page and the end of its segment: the page that comes again ends it', async () => {
  const run = { ...(await begun()), pages: 1 };
  for (const segment of [1, 2, 3]) await work([], { ...run, segment });
  let updates = 0;
  setFault(({ command }) => (command === 'UpdateItemCommand' && ++updates === 2 ? 'before' : undefined));
  await expect(work([], { ...run, segment: 0 })).rejects.toThrow();
  setFault(undefined);
  const state = async () => (await shop.get(`/api/catalogue/runs/${run.run}/`)).state;
  expect(await state()).toBe('running');
  await work([], { ...run, segment: 0 });
  expect(await state()).toBe('done');
  const { ended_at } = await shop.get(`/api/catalogue/runs/${run.run}/`);
  await work([], { ...run, segment: 0 });
  expect((await shop.get(`/api/catalogue/runs/${run.run}/`)).ended_at).toBe(ended_at);
  await p.settle();
});

test('of two refreshes that overlap the one that asked later counts', async () => {
  const id = await shop.addProduct();
  service.state.offers.set(id, [offer(10)]);
  await shop.refresh();
  service.state.offers.set(id, [offer(20)]);
  service.state.delay = 300;
  const { fetched } = service.state;
  const slow = p.run('Catalogue/Refresh/Function', shop.pageOf([id]));
  await eventually('the first has asked', async () => service.state.fetched > fetched);
  service.state.delay = 0;
  service.state.offers.set(id, [offer(30)]);
  await Promise.all([slow, p.run('Catalogue/Refresh/Function', shop.pageOf([id]))]);
  expect(await shop.offersOf(id)).toMatchObject([{ price: '30.00' }]);
  const { lowest } = await shop.pricesOf(id);
  expect(lowest.points.at(-1).price).toBe('30.00');
});

test('a page of a run that is over does nothing, a deleted product is not made again', async () => {
  const id = await shop.addProduct();
  service.state.offers.set(id, [offer(10)]);
  const { fetched } = service.state;
  await p.run(
    'Catalogue/Refresh/Function',
    shop.pageOf([id], { started_at: new Date(Date.now() - 200_000).toISOString() }),
  );
  expect(service.state.fetched).toBe(fetched);
  expect((await p.api('DELETE', `/api/products/${id}/`, {}, seller)).status).toBe(204);
  await p.run('Catalogue/Refresh/Function', shop.pageOf([id]));
  expect(service.state.fetched).toBe(fetched + 1);
  expect((await p.api('GET', `/api/products/${id}/offers/`, {}, seller)).status).toBe(404);
  expect((await p.api('GET', `/api/products/${id}/prices/`, {}, seller)).status).toBe(404);
});

// last: what a moved clock leaves behind is later than what comes after it
test('the service being down for ten minutes changes nothing stored, and the time shows as not observed', async () => {
  const id = await shop.addProduct();
  service.state.offers.set(id, [offer(10)]);
  await shop.refresh();
  const before = await p.api('GET', `/api/products/${id}/`, {}, seller);
  service.state.everything = 503;
  const run = await shop.refresh();
  expect(run).toMatchObject({ state: 'done', refreshed: 0, changed: 0 });
  expect(run.failures.unavailable).toBeGreaterThan(0);
  expect((await p.api('GET', `/api/products/${id}/`, {}, seller)).headers['etag']).toBe(before.headers['etag']);
  const late = await p.api('POST', '/api/products/', { body: { name: 'Late', description: 'x' } }, seller);
  await p.settle();
  await p.moveClock(300);
  await shop.refresh();
  service.state.everything = undefined;
  await p.moveClock(600);
  expect(await shop.refresh()).toMatchObject({ failed: 0 });
  const registered = async () => (await p.api('GET', `/api/registrations/${late.body.id}/`, {}, seller)).body;
  await p.settle(async () => (await registered()).state === 'registered');
  expect((await registered()).attempts).toBeGreaterThan(1);
  const { unobserved } = await shop.pricesOf(id);
  expect(unobserved).toHaveLength(2);
  const [, gap] = unobserved;
  expect(gap.reason).toBe('no complete refresh');
  expect(Date.parse(gap.to) - Date.parse(gap.from)).toBeGreaterThan(595_000);
  await p.moveClock(0);
});
