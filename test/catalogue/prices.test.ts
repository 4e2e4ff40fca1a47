import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { gapWrite } from '../../lambdas/catalogue/observation';
import { lowestWrite, snapshotWrite } from '../../lambdas/catalogue/prices';
import { watchKey } from '../../lambdas/catalogue/watch';
import { documents } from '../../lambdas/kernel/documents';
import { table, type Write, writeOne } from '../../lambdas/kernel/table';
import { offer, openShop, type Shop } from './shop';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  process.env['TABLE_NAME'] = shop.p.named('Catalogue/Api').environment['TABLE_NAME'];
});
afterAll(() => shop.close());

const DAY = 24 * 3_600;
const day = (number: number): string => new Date(Date.now() + number * DAY * 1_000).toISOString();

/** A product whose one offer has these prices on these days from now on. */
async function priced(prices: Record<number, string>): Promise<string> {
  const id = await shop.addProduct();
  const it = offer(1);
  for (const [number, price] of Object.entries(prices)) {
    await shop.p.moveClock(Number(number) * DAY);
    shop.service.state.offers.set(id, [{ ...it, price }]);
    await shop.refresh();
  }
  return id;
}

async function putAll(writes: Write[]): Promise<void> {
  const puts = writes.map(({ Put }) => ({ PutRequest: { Item: Put?.Item } }));
  const TableName = process.env['TABLE_NAME'] ?? '';
  for (let start = 0; start < puts.length; start += 25) {
    await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts.slice(start, start + 25) } }));
  }
}

// first: the others leave ids from the future behind
test('runs are listed newest first with their totals; one that is not ended says how far it is', async () => {
  await shop.refresh();
  const { id } = (await shop.p.api('POST', '/api/catalogue/runs/', {}, shop.operator)).body;
  expect(await shop.get(`/api/catalogue/runs/${id}/`)).toMatchObject({ state: 'running', ended_at: null });
  await shop.p.settle(async () => (await shop.get(`/api/catalogue/runs/${id}/`)).state === 'done');
  const { results } = await shop.get('/api/catalogue/runs/');
  expect(results[0].id).toBe(id);
  expect(results[0]).toMatchObject({ state: 'done', failed: 0, duration_seconds: expect.any(Number) });
  expect(results[0].refreshed).toBe(results[0].products);
  const missing = await shop.p.api('GET', `/api/catalogue/runs/${crypto.randomUUID()}/`, {}, shop.operator);
  expect(missing.status).toBe(404);
  // a segment of a run that is over is left to the next one
  await shop.p.moveClock(500);
  const late = (await shop.p.api('POST', '/api/catalogue/runs/', {}, shop.operator)).body;
  await shop.p.moveClock(1_000);
  const { fetched } = shop.service.state;
  await shop.p.settle();
  expect(shop.service.state.fetched).toBe(fetched);
  expect(await shop.get(`/api/catalogue/runs/${late.id}/`)).toMatchObject({ state: 'incomplete', refreshed: 0 });
  await shop.p.moveClock(0);
});

test('the lowest price of the 30 days before any date, the change over any period, and what was not observed', async () => {
  const id = await priced({ 0: '100.00', 10: '70.00', 20: '90.00', 45: '80.00' });
  const lowestBefore = async (date: number) =>
    (await shop.pricesOf(id, `?from=${day(-1)}&to=${day(46)}&before=${day(date)}`)).lowest_30_days.price;
  expect(await Promise.all([5, 15, 30, 45, 55].map(lowestBefore))).toEqual([
    '100.00',
    '70.00',
    '70.00',
    '70.00',
    '80.00',
  ]);
  // a reduction shows the lowest price before it, not the one that it replaces
  const all = await shop.pricesOf(id, `?from=${day(-1)}&to=${day(46)}`);
  expect(all.lowest.points.map(({ lowest_30_days }: { lowest_30_days: string }) => lowest_30_days)).toEqual([
    null,
    '100.00',
    '70.00',
    '70.00',
  ]);
  // what a month of lowest prices is read from
  const kept = await table().query(z.object({ lowest: z.string().nullable() }), {
    partition: `PRODUCT#${id}`,
    prefix: 'LOWEST#',
    ascending: true,
  });
  expect(kept.items.map(({ lowest }) => lowest)).toEqual(['100.00', '70.00', '90.00', '80.00']);
  const period = async (from: number, to: number) =>
    (await shop.pricesOf(id, `?from=${day(from)}&to=${day(to)}`)).lowest;
  expect(await period(5, 25)).toMatchObject({
    price_at_start: '100.00',
    price_at_end: '90.00',
    change_percent: '-10.00',
  });
  expect(await period(25, 44)).toMatchObject({ change_percent: '0.00', points: [] });
  expect(await period(25, 46)).toMatchObject({ price_at_start: '90.00', change_percent: '-11.11' });
  // one look in ten days is not a look at each minute of them
  expect(all.unobserved.map(({ reason }: { reason: string }) => reason)).toEqual([
    'not observed yet',
    'no complete refresh',
    'no complete refresh',
    'no complete refresh',
  ]);
  await shop.p.moveClock(0);
});

test('lowest prices are read from items of their own, and from the snapshots of the time before those', async () => {
  const id = await shop.addProduct();
  const lowest = (number: number, price: string | null) => ({ at: day(number), run: null, lowest: price });
  await putAll([
    snapshotWrite(id, { ...lowest(-60, '5.00'), prices: {} }),
    snapshotWrite(id, { ...lowest(-45, '6.00'), prices: {} }),
    lowestWrite(id, lowest(-40, '7.00')),
    lowestWrite(id, lowest(-20, '9.00')),
    lowestWrite(id, lowest(-10, null)),
  ]);
  const before = async (date: number) =>
    (await shop.pricesOf(id, `?from=${day(-0.1)}&before=${day(date)}`)).lowest_30_days.price;
  expect(await Promise.all([-50, -41, -30, -5, 15].map(before))).toEqual(['5.00', '5.00', '5.00', '7.00', '9.00']);
  expect((await shop.pricesOf(id, `?from=${day(-0.1)}`)).lowest.price_at_start).toBeNull();
});

test('products are sorted by the lowest price that a refresh has seen in stock, and leave that order when sold out', async () => {
  const [a = '', b = '', c = ''] = await shop.addProducts('Sorted A', 'Sorted B', 'Sorted C');
  await shop.p.moveClock(100 * DAY);
  const { offers } = shop.service.state;
  offers.set(a, [offer(3_000), offer(2_000, 0)]);
  offers.set(b, [offer(2_500)]);
  offers.set(c, [offer(9)]);
  await shop.refresh();
  const ids = async (sort: string) => {
    const { results } = await shop.get(`/api/products/?sort=${sort}&limit=200`);
    return results.map(({ id }: { id: string }) => id).filter((id: string) => [a, b, c].includes(id));
  };
  expect(await ids('price')).toEqual([c, b, a]);
  expect(await ids('-price')).toEqual([a, b, c]);
  offers.set(c, [offer(9, 0)]);
  offers.set(b, []);
  await shop.refresh();
  expect(await ids('price')).toEqual([a]);
  expect(await shop.offersOf(c, '?in_stock=false')).toHaveLength(1);
  expect(await shop.offersOf(b, '?is_active=any')).toMatchObject([{ is_active: false, items_in_stock: 0 }]);
  await shop.p.moveClock(0);
});

test('a period is one with an end after its start; an answer within the same minute is the same', async () => {
  const id = await shop.addProduct();
  const at = (query: string) => shop.p.api('GET', `/api/products/${id}/prices/${query}`, {}, shop.operator);
  expect((await at(`?from=${day(1)}&to=${day(0)}`)).body.errors).toMatchObject([{ path: 'from' }]);
  expect((await at(`?from=yesterday`)).body.errors).toMatchObject([{ path: 'from' }]);
  const query = `?from=${day(-2)}&to=${day(-1)}`;
  const { headers, body } = await at(query);
  expect(body).toMatchObject({
    offers: [],
    lowest: { points: [], change_percent: null },
    lowest_30_days: { price: null },
  });
  expect(headers['cache-control']).toContain('s-maxage=');
  expect((await at(query)).headers['etag']).toBe(headers['etag']);
  const known = { headers: { 'if-none-match': headers['etag'] ?? '' } };
  const again = await shop.p.api('GET', `/api/products/${id}/prices/${query}`, known, shop.operator);
  expect(again.status).toBe(304);
});

// last: the table's stream has thousands of records after it
test('more changes or gaps than an answer holds: its end when no start was asked for, else a word; never too large', async () => {
  const id = await shop.addProduct();
  shop.service.state.offers.set(id, [offer(1)]);
  await shop.refresh();
  const offers = Array.from({ length: 200 }, () => crypto.randomUUID());
  const now = Date.now();
  const at = (minute: number) => new Date(now - minute * 60_000).toISOString();
  const moments = Array.from({ length: 200 }, (_, number) => 10 + number * 100);
  const prices = (minute: number) => Object.fromEntries(offers.map((one) => [one, `${minute}.00`]));
  await putAll(
    moments.map((minute) =>
      snapshotWrite(id, { at: at(minute), run: null, prices: prices(minute), lowest: `${minute}.00` }),
    ),
  );
  const asked = (query: string) => shop.p.api('GET', `/api/products/${id}/prices/${query}`, {}, shop.operator);
  const { status, body } = await asked('');
  expect(status).toBe(200);
  expect(JSON.stringify(JSON.stringify(body)).length).toBeLessThan(6_000_000);
  // a hundred and forty-odd of the two hundred moments, and the ones that are given are whole
  expect(body.from > at(20_000)).toBe(true);
  expect(body.from < at(13_000)).toBe(true);
  const [series] = body.offers.filter((one: { offer: string }) => one.offer === offers[0]);
  expect(series.points.length).toBe(moments.filter((minute) => at(minute) > body.from).length + 1);
  expect(series.price_at_start).not.toBeNull();
  // the lowest of the 30 days before is read from what is not given, too
  expect(body.lowest.points[0]).toMatchObject({ lowest_30_days: series.price_at_start });
  const refused = await asked(`?from=${at(25_000)}`);
  expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: 'from' }] } });
  expect((await asked(`?from=${at(25_000)}&to=${at(19_000)}`)).body.lowest.points).toHaveLength(10);
  expect((await asked(`?from=${at(500)}&before=${at(19_000)}`)).body.lowest_30_days.price).toBe('19010.00');

  await writeOne(table().update(watchKey(id), { set: { first_observed_at: at(40_000) } }, { exists: true }));
  const gaps = Array.from({ length: 2_100 }, (_, number) => number + 10);
  const since = (minute: number) => ({ since: at(minute), reason: '"'.repeat(300) });
  await putAll(gaps.map((minute) => gapWrite(id, since(minute), at(minute - 0.5))));
  const short = (await asked('')).body;
  const own = short.unobserved.filter(({ reason }: { reason: string }) => reason.startsWith('"'));
  expect(own).toHaveLength(2_000);
  expect(short.unobserved[0].from).toBe(short.from);
  expect(JSON.stringify(JSON.stringify(short.unobserved)).length).toBeLessThan(2_500_000);
  expect((await asked(`?from=${at(3_000)}`)).status).toBe(422);
});
