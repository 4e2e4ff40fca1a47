import { openShop, type Shop } from './shop';

jest.setTimeout(300_000);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

test('a phone number is one client’s, and gives the operator code', async () => {
  const { status, body } = await shop.add({ phone_number: '79031112233', tag: 'a', timezone: 'Europe/Moscow' });
  expect([status, body.operator_code]).toEqual([201, '903']);
  expect(await shop.add({ phone_number: '79031112233' })).toMatchObject({ status: 409 });
  const refused = await shop.add({ phone_number: '79031112244', operator_code: '904' });
  expect([refused.status, refused.body.errors[0].path]).toEqual([422, 'operator_code']);

  const path = `/api/clients/${body.id}/`;
  expect((await shop.api('PATCH', path, { phone_number: '79041112233' })).body).toMatchObject({ operator_code: '904' });
  expect((await shop.add({ phone_number: '79031112233' })).status).toBe(201);
  const log = await shop.api('GET', `${path}log/`);
  expect(log.body.operations.map(({ what }: { what: string }) => what)).toEqual(['created', 'changed: phone_number']);
  expect((await shop.api('DELETE', path)).status).toBe(204);
  expect((await shop.api('GET', path)).status).toBe(404);
  expect((await shop.add({ phone_number: '79041112233' })).status).toBe(201);
});

test('a client is found by the phone number; lists and previews of everybody go over all', async () => {
  const { body: client } = await shop.add({ phone_number: '79071112233' });
  expect((await shop.api('GET', '/api/clients/by-phone/79071112233/')).body).toMatchObject({ id: client.id });
  expect((await shop.api('GET', '/api/clients/by-phone/79071112299/')).status).toBe(404);
  const { body } = await shop.api('GET', '/api/clients/?limit=200');
  expect(body.results[0].id).toBe(client.id);
  const all = { text: 'x', start_at: '2040-01-01T00:00:00Z', end_at: '2040-01-02T00:00:00Z', filter: { all: true } };
  const preview = await shop.api('POST', '/api/mailings/preview/', all);
  expect(preview.body.clients).toBe(body.results.length);
});

test('lists are cut by tags and operator codes, several of each', async () => {
  for (const [index, tag] of ['red', 'red', 'blue', 'green'].entries()) {
    await shop.add({ phone_number: `791${index % 2}000000${index}`, tag });
  }
  const list = async (query: string) => {
    const found: string[] = [];
    let path: string | null = `/api/clients/?limit=1&${query}`;
    while (path) {
      const page: { results: { phone_number: string }[]; next: string | null } = (await shop.api('GET', path)).body;
      found.push(...page.results.map(({ phone_number }) => phone_number));
      path = page.next;
    }
    return found.sort();
  };
  expect(await list('tag=red')).toEqual(['79100000000', '79110000001']);
  expect(await list('tag=red&tag=blue')).toEqual(['79100000000', '79100000002', '79110000001']);
  expect(await list('operator_code=911')).toEqual(['79110000001', '79110000003']);
  expect(await list('tag=red&tag=green&operator_code=911&operator_code=910')).toEqual([
    '79100000000',
    '79110000001',
    '79110000003',
  ]);
});

test('a client is changed by whoever read it last, and nobody takes another one’s number', async () => {
  const { body: client } = await shop.add({ phone_number: '79051112233' });
  const path = `/api/clients/${client.id}/`;
  const { headers } = await shop.api('GET', path);
  const match = { 'if-match': String(headers['etag']) };
  const change = (method: string, body: object) => shop.p.api(method, path, { body, headers: match }, shop.operator);
  expect((await change('PATCH', { tag: 'x', timezone: 'Asia/Omsk' })).body).toMatchObject({ tag: 'x' });
  expect((await change('PATCH', { tag: 'y' })).status).toBe(412);
  expect((await shop.p.api('DELETE', path, { headers: match }, shop.operator)).status).toBe(412);
  expect((await shop.api('PATCH', path, { operator_code: '906' })).status).toBe(422);
  expect((await shop.api('PATCH', path, { tag: 'x' })).body.tag).toBe('x');
  await shop.add({ phone_number: '79051112244' });
  expect((await shop.api('PUT', path, { phone_number: '79051112244' })).body).toMatchObject({
    status: 409,
    errors: [{ path: 'phone_number', message: 'is taken' }],
  });
  const whole = await shop.api('PUT', path, { phone_number: '79061112233', tag: null });
  expect(whole.body).toMatchObject({ operator_code: '906', tag: null, timezone: 'UTC' });
  const all = await Promise.all(['a', 'b', 'c'].map((tag) => shop.api('PATCH', path, { tag })));
  const statuses = all.map(({ status }) => status).sort();
  expect(statuses[0]).toBe(200);
  expect(statuses.every((status) => status === 200 || status === 409)).toBe(true);
});

test('with an Idempotency-Key a client, an import and a mailing are made once', async () => {
  const send = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    shop.p.api('POST', path, { body, headers: { 'idempotency-key': 'once', ...headers } }, shop.operator);
  const client = () => send('/api/clients/', { phone_number: '79081112233' });
  expect((await client()).body).toEqual((await client()).body);
  const csv = { 'content-type': 'text/csv', 'idempotency-key': 'csv' };
  const imported = () => send('/api/clients/import/', 'phone_number\n79081112244\n', csv);
  expect((await imported()).body).toEqual((await imported()).body);
  const times = { start_at: '2040-01-01T00:00:00Z', end_at: '2040-01-02T00:00:00Z' };
  const mailing = () =>
    send('/api/mailings/', { text: 'x', filter: { tag: 'a' }, ...times }, { 'idempotency-key': 'mailing' });
  expect((await mailing()).body).toEqual((await mailing()).body);
});
