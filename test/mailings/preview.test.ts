import { openShop, type Shop } from './shop';

jest.setTimeout(300_000);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

test('mailings that reach nobody, everybody by mistake or no time are refused', async () => {
  const good = {
    text: 'x',
    start_at: '2040-01-01T00:00:00Z',
    end_at: '2040-01-02T00:00:00Z',
    filter: { tag: 'red' },
  };
  const wrong = async (fields: object) => {
    const { status, body } = await shop.api('POST', '/api/mailings/', { ...good, ...fields });
    return [status, body.errors?.[0].path];
  };
  expect(await wrong({ end_at: '2039-12-31T00:00:00Z' })).toEqual([422, 'end_at']);
  expect(await wrong({ start_at: '2020-01-01T00:00:00Z', end_at: '2020-01-02T00:00:00Z' })).toEqual([422, 'end_at']);
  expect(await wrong({ filter: {} })).toEqual([422, 'filter']);
  expect(await wrong({ filter: { colour: 'red' } })).toEqual([422, 'filter.colour']);
  expect(await wrong({ filter: { all: true, tag: 'red' } })).toEqual([422, 'filter']);
  const many = (length: number, prefix = '') => Array.from({ length }, (_, index) => `${prefix}${index + 101}`);
  expect(await wrong({ filter: { tag: many(11), operator_code: many(10) } })).toEqual([422, 'filter']);
  const query = [...many(11, 'tag='), ...many(10, 'operator_code=')].join('&');
  expect((await shop.api('GET', `/api/clients/?${query}`)).status).toBe(422);
  expect((await shop.api('GET', `/api/clients/export/?${query}`)).status).toBe(422);
  expect(await wrong({ time_window: { from: '09:00', to: '25:00' } })).toEqual([422, 'time_window.to']);
  expect((await shop.api('POST', '/api/mailings/', { ...good, filter: { all: true } })).status).toBe(201);
});

test('a preview counts clients by zone, and says when they can be reached', async () => {
  await shop.add({ phone_number: '79990000001', tag: 'preview', timezone: 'Europe/Moscow' });
  await shop.add({ phone_number: '79990000002', tag: 'preview', timezone: 'America/New_York' });
  const { body } = await shop.api('POST', '/api/mailings/preview/', {
    text: 'x',
    start_at: '2040-01-02T05:00:00Z',
    end_at: '2040-01-02T10:00:00Z',
    filter: { tag: 'preview' },
    time_window: { from: '09:00', to: '10:00' },
  });
  expect(body).toMatchObject({
    clients: 2,
    unreachable: 1,
    zones: [
      { timezone: 'America/New_York', first_send_at: null, windows: [] },
      { timezone: 'Europe/Moscow', windows: [{ from: '2040-01-02T06:00:00.000Z', to: '2040-01-02T07:00:00.000Z' }] },
    ],
  });
  const never = { start_at: '2040-01-02T05:00:00Z', end_at: '2040-01-02T04:00:00Z' };
  const refused = await shop.api('POST', '/api/mailings/preview/', { text: 'x', ...never, filter: { tag: 'preview' } });
  expect([refused.status, refused.body.errors[0].path]).toEqual([422, 'end_at']);
  const preview = async (fields: object) =>
    (
      await shop.api('POST', '/api/mailings/preview/', {
        text: 'x',
        start_at: '2020-01-01T00:00:00Z',
        end_at: '2040-01-20T06:30:00Z',
        filter: { tag: 'preview', operator_code: '999' },
        ...fields,
      })
    ).body;
  const open = await preview({});
  expect(open.zones[0].windows).toEqual([{ from: open.zones[0].first_send_at, to: '2040-01-20T06:30:00.000Z' }]);
  expect(Math.abs(Date.parse(open.zones[0].first_send_at) - Date.now())).toBeLessThan(60_000);
  expect(open).toMatchObject({ unreachable: 0, rate_per_second: 500, seconds: 1, exact: true });
  const days = await preview({ start_at: '2040-01-02T06:30:00Z', time_window: { from: '09:00', to: '10:00' } });
  const moscow = days.zones[1].windows;
  expect(moscow).toHaveLength(7);
  expect(moscow[0]).toEqual({ from: '2040-01-02T06:30:00.000Z', to: '2040-01-02T07:00:00.000Z' });
  const environment = shop.p.named('Mailings/Api').environment;
  environment['SEND_RATE_PER_SECOND'] = '0';
  expect(await preview({})).toMatchObject({ rate_per_second: null, seconds: null });
  environment['SEND_RATE_PER_SECOND'] = '500';
  expect(await preview({ filter: { operator_code: ['998', '999'] } })).toMatchObject({ clients: 2 });
  expect(await preview({ filter: { tag: 'nobody' } })).toMatchObject({ clients: 0, zones: [] });
});
