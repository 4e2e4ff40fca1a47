import * as z from 'zod';
import { priceIndex, productKey } from '../../lambdas/catalogue/products';
import { table, writeOne } from '../../lambdas/kernel/table';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';

let p: Platform;
let seller: Caller;

beforeAll(async () => {
  p = await platform('catalogue');
  seller = await p.callers.user();
  process.env['TABLE_NAME'] = p.named('Catalogue/Api').environment['TABLE_NAME'];
});
afterAll(() => p.close());

const add = async (name: string, headers = {}) =>
  p.api('POST', '/api/products/', { body: { name, description: 'Something.' }, headers }, seller);

/** All names that a list gives, page by page. */
async function walk(query: string, limit = 3): Promise<string[]> {
  const names: string[] = [];
  for (let next: string | null = `/api/products/?limit=${limit}&${query}`; next; ) {
    const { status, body } = await p.api('GET', next);
    expect(status).toBe(200);
    names.push(...body.results.map(({ name }: { name: string }) => name));
    next = body.next;
  }
  return names;
}

test('products are browsed, searched by the beginning of the name and sorted, page by page, each once', async () => {
  const names = [
    'Äpfel',
    'apple 10',
    'Apple 2',
    'APPLE 😀',
    'apple ﬀ',
    'Banana',
    'pineapple',
    'apple',
    'Zebra',
    'apple z',
  ];
  const ids = new Map<string, string>();
  for (const name of names) ids.set(name, (await add(name)).body.id);
  expect(await walk('')).toEqual([...names].reverse());
  const apples = await walk('search=APPLE');
  expect(new Set(apples)).toEqual(new Set(names.filter((name) => /^apple/i.test(name))));
  expect(apples).toHaveLength(6);
  expect(apples.slice(0, 3)).toEqual(['apple', 'apple 10', 'Apple 2']);
  expect(await walk('search=apple&sort=-name')).toEqual([...apples].reverse());
  expect(await walk('search=apf')).toEqual(['Äpfel']);
  expect(await walk('search=%CC%81')).toHaveLength(names.length);
  const byName = await walk('sort=name', 2);
  expect(byName).toHaveLength(names.length);
  expect(await walk('sort=-name', 4)).toEqual([...byName].reverse());

  const prices = { Banana: '9.50', Zebra: '10.00', apple: '100.00', pineapple: '0.0050' };
  for (const [name, price] of Object.entries(prices)) {
    const id = ids.get(name) ?? '';
    const set = { lowest_price: price, ...priceIndex(id, price) };
    await writeOne(table().update(productKey(id), { set }, { exists: true }));
  }
  expect(await walk('sort=price', 1)).toEqual(['pineapple', 'Banana', 'Zebra', 'apple']);
  expect(await walk('sort=-price', 2)).toEqual(['apple', 'Zebra', 'Banana', 'pineapple']);
  expect((await p.api('GET', '/api/products/?search=a&sort=price')).body.errors).toMatchObject([{ path: 'sort' }]);
});

test('a name whose key would be longer than a table takes is stored, found by its beginning and listed', async () => {
  // taken apart, each of these syllables is three characters of three bytes
  const names = ['x', 'y'].map((end) => `${'각'.repeat(199)}${end}`);
  for (const name of names) {
    const { status, body } = await add(name);
    expect(status).toBe(201);
    const { gsi2sk = '' } = (await table().find(z.object({ gsi2sk: z.string() }), productKey(body.id))) ?? {};
    expect(Buffer.byteLength(gsi2sk)).toBeLessThanOrEqual(1_024);
  }
  for (const search of ['각각', '각'.repeat(199), '각'.repeat(200)]) {
    expect(await walk(`search=${encodeURIComponent(search)}`, 1)).toEqual(expect.arrayContaining(names));
  }
  expect(await walk(`search=${encodeURIComponent('각나')}`)).toEqual([]);
});

test('reads may be kept by a CDN, carry an ETag and answer 304', async () => {
  const { id } = (await add('Cached')).body;
  for (const path of [`/api/products/${id}/`, '/api/products/', `/api/products/${id}/offers/`]) {
    const { headers } = await p.api('GET', path);
    expect(headers['cache-control']).toContain('s-maxage=');
    const again = await p.api('GET', path, { headers: { 'if-none-match': headers['etag'] ?? '' } });
    expect([again.status, again.body]).toEqual([304, '']);
  }
});

test('the owner and operators change a product, others do not, and no update is lost', async () => {
  const { id } = (await add('Mine')).body;
  const path = `/api/products/${id}/`;
  const stranger = await p.callers.user();
  expect((await p.api('PATCH', path, { body: { name: 'Theirs' } }, stranger)).status).toBe(403);
  expect((await p.api('DELETE', path, {}, stranger)).status).toBe(403);
  const { etag } = (await p.api('GET', path)).headers;
  const headers = { 'if-match': etag ?? '' };
  const outcomes = await Promise.all(
    ['One', 'Two'].map((name) => p.api('PATCH', path, { body: { name }, headers }, seller)),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual([200, 412]);
  const operator = await p.callers.user('operator');
  const put = await p.api('PUT', path, { body: { name: 'Renamed', description: 'New.' } }, operator);
  expect(put.body).toMatchObject({ id, name: 'Renamed', description: 'New.', owner: seller.id });
  expect(await walk('search=renamed')).toEqual(['Renamed']);
  expect(await walk('search=mine')).toEqual([]);
  expect((await p.api('DELETE', path, { headers }, seller)).status).toBe(412);
  const newest = { 'if-match': put.headers['etag'] ?? '' };
  expect((await p.api('DELETE', path, { headers: newest }, seller)).status).toBe(204);
  expect((await p.api('GET', path, {}, seller)).status).toBe(404);
  expect((await p.api('PATCH', path, { body: { name: 'Gone' } }, seller)).status).toBe(404);
});

test('ten at once with one Idempotency-Key make one product', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => add('Once', { 'idempotency-key': 'the-same' })));
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  expect(await walk('search=once')).toEqual(['Once']);
});
