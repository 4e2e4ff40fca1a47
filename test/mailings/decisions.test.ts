import { inMs, MINUTES, openInUtc, openShop, type Shop } from './shop';

jest.setTimeout(5 * MINUTES);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());
beforeEach(() => shop.service.forget());
afterEach(() => shop.p.moveClock(0));

const later = () => ({ start_at: inMs(60 * MINUTES), end_at: inMs(120 * MINUTES) });
const change = (mailing: string, fields: object) => shop.api('PATCH', `/api/mailings/${mailing}/`, fields);
const decide = (mailing: string, verb: string) => shop.api('POST', `/api/mailings/${mailing}/${verb}/`);

test('a mailing that has not begun can be changed in everything; unchanged fields change nothing', async () => {
  const mailing = await shop.mail({ ...later(), filter: { tag: 'a' } });
  const path = `/api/mailings/${mailing}/`;
  const { headers } = await shop.api('GET', path);
  const fields = { text: 'other', filter: { operator_code: '901' }, time_window: { from: '09:00', to: '10:00' } };
  expect((await change(mailing, fields)).body).toMatchObject(fields);
  const etag = String(headers['etag']);
  const lost = await shop.p.api('PATCH', path, { body: { text: 'x' }, headers: { 'if-match': etag } }, shop.operator);
  expect(lost.status).toBe(412);
  const before = (await shop.api('GET', path)).body;
  expect((await change(mailing, fields)).body).toEqual(before);
  expect((await change(mailing, { end_at: inMs(30 * MINUTES) })).body.errors[0].path).toBe('end_at');
  const whole = { text: 'whole', ...later(), filter: { all: true }, time_window: null };
  expect((await shop.api('PUT', path, whole)).body).toMatchObject({ text: 'whole', time_window: null });
  expect((await shop.api('DELETE', path)).status).toBe(204);
});

test('one under way can be changed in its text and its end, for what is not yet sent', async () => {
  await shop.fill(2, (index) => ({ tag: 'way', timezone: index ? 'UTC' : 'Etc/GMT+2' }));
  const mailing = await shop.mail({
    filter: { tag: 'way' },
    text: 'first',
    end_at: inMs(5 * 60 * MINUTES),
    time_window: openInUtc(),
  });
  await shop.p.settle(async () => (await shop.counts(mailing))['sent'] === 1);
  expect((await change(mailing, { filter: { tag: 'b' } })).status).toBe(409);
  expect((await change(mailing, { start_at: inMs(MINUTES) })).status).toBe(409);
  expect((await change(mailing, { text: 'second' })).status).toBe(200);
  await shop.p.settle();
  const [waits] = await shop.messages(mailing, '&status=processing');
  await shop.pass((Date.parse(waits.waiting.until) - Date.now()) / 1_000 + 1);
  expect(await shop.finish(mailing)).toMatchObject({ sent: 2 });
  expect(shop.service.asked.map(({ text }) => text)).toEqual(['first', 'second']);
  expect((await change(mailing, { text: 'third' })).status).toBe(409);
  for (const verb of ['pause', 'resume', 'cancel']) expect((await decide(mailing, verb)).status).toBe(409);
});

test('a client who is changed or deleted meanwhile is written to as they are now, or not at all', async () => {
  const zones = ['Etc/GMT+2', 'Etc/GMT+2', 'Etc/GMT+2', 'UTC'];
  const clients = await shop.fill(4, (index) => ({ tag: 'fickle', timezone: zones[index] ?? 'UTC' }));
  const mailing = await shop.mail({
    filter: { tag: 'fickle' },
    end_at: inMs(10 * 60 * MINUTES),
    time_window: openInUtc(),
  });
  await shop.p.settle(async () => (await shop.counts(mailing))['sent'] === 1);
  await shop.p.settle();
  const [moved, gone, travelled] = clients;
  expect((await shop.api('PATCH', `/api/clients/${moved}/`, { phone_number: '79990001122' })).status).toBe(200);
  expect((await shop.api('DELETE', `/api/clients/${gone}/`)).status).toBe(204);
  expect((await shop.api('PATCH', `/api/clients/${travelled}/`, { timezone: 'Etc/GMT+4' })).status).toBe(200);
  const waits = await shop.messages(mailing, '&status=processing');
  await shop.pass((Date.parse(waits[0].waiting.until) - Date.now()) / 1_000 + 1);
  await shop.p.settle(async () => (await shop.counts(mailing))['processing'] === 1);
  const messages = await shop.messages(mailing);
  const of = (client: string | undefined) => messages.find((one) => one.client === client);
  expect(of(moved)).toMatchObject({ status: 'sent', phone_number: '79990001122' });
  expect(shop.service.asked.at(-1)?.phone).toBe(79990001122);
  expect(of(gone)).toMatchObject({ status: 'expired', last_error: 'the client was deleted' });
  expect(of(travelled)).toMatchObject({ status: 'processing', attempts: 0, waiting: { reason: 'window' } });
  await shop.api('DELETE', `/api/mailings/${mailing}/`);
});

test('an end that is brought forward lets what waits expire by then', async () => {
  await shop.fill(2, () => ({ tag: 'short' }));
  shop.service.behave(() => 500);
  const mailing = await shop.mail({ filter: { tag: 'short' }, end_at: inMs(600 * MINUTES) });
  await shop.p.settle(async () => shop.service.asked.length >= 2);
  expect((await change(mailing, { end_at: inMs(30_000) })).status).toBe(200);
  await shop.p.settle();
  await shop.pass(100);
  expect(await shop.finish(mailing)).toMatchObject({ expired: 2, processing: 0 });
});

test('one that is paused before its start does not start; its end comes all the same', async () => {
  await shop.fill(2, () => ({ tag: 'early' }));
  const start = { start_at: inMs(10 * MINUTES), end_at: inMs(30 * MINUTES) };
  const [resumed, left] = [
    await shop.mail({ ...start, filter: { tag: 'early' } }),
    await shop.mail({ ...start, filter: { tag: 'early' } }),
  ];
  for (const one of [resumed, left]) expect((await decide(one, 'pause')).body.status).toBe('paused');
  expect((await decide(left, 'pause')).body.status).toBe('paused');
  expect((await change(left, { text: 'still paused' })).status).toBe(200);
  await shop.p.settle();
  await shop.pass(11 * 60);
  await shop.p.settle();
  expect(shop.service.asked).toHaveLength(0);
  expect((await decide(resumed, 'resume')).body.status).toBe('scheduled');
  expect(await shop.finish(resumed)).toMatchObject({ sent: 2 });
  expect((await decide(resumed, 'resume')).status).toBe(409);
  await shop.pass(31 * 60);
  expect(await shop.finish(left)).toMatchObject({ expired: 2, sent: 0 });
});

test('one that is deleted under way is not shown, sends no more, and what it sent stays in the statistics', async () => {
  const overall = async () => (await shop.api('GET', '/api/mailings/stats/')).body.overall;
  await shop.fill(40, (index) => ({ tag: 'gone', timezone: index % 2 ? 'UTC' : 'Etc/GMT+2' }));
  const before = await overall();
  const mailing = await shop.mail({
    filter: { tag: 'gone' },
    end_at: inMs(5 * 60 * MINUTES),
    time_window: openInUtc(),
  });
  await shop.p.settle(async () => (await shop.counts(mailing))['sent'] === 20);
  expect((await shop.api('DELETE', `/api/mailings/${mailing}/`)).status).toBe(204);
  await shop.p.settle();
  await shop.p.settle(async () => (await overall()).processing === before.processing);
  const after = await overall();
  expect([after.sent - before.sent, after.expired - before.expired]).toEqual([20, 20]);
  for (const path of ['', 'stats/', 'messages/', 'log/']) {
    expect((await shop.api('GET', `/api/mailings/${mailing}/${path}`)).status).toBe(404);
  }
  const { body } = await shop.api('GET', '/api/mailings/?limit=200');
  expect(body.results.map(({ id }: { id: string }) => id)).not.toContain(mailing);
});

test('failed messages can be put back only while they can still be sent', async () => {
  await shop.fill(3, () => ({ tag: 'refused' }));
  shop.service.behave(() => 422);
  const scheduled = await shop.mail({ ...later(), filter: { tag: 'refused' } });
  const retry = (mailing: string) => shop.api('POST', `/api/mailings/${mailing}/messages/retry/`);
  expect((await retry(scheduled)).status).toBe(409);
  const mailing = await shop.mail({ filter: { tag: 'refused' }, end_at: inMs(20 * MINUTES) });
  expect(await shop.finish(mailing)).toMatchObject({ error: 3 });
  const { body } = await shop.api('GET', '/api/mailings/?status=finished');
  expect(body.results.map(({ id }: { id: string }) => id)).toContain(mailing);
  shop.service.behave(() => undefined);
  expect((await retry(mailing)).body.status).toBe('running');
  expect((await decide(mailing, 'pause')).body.status).toBe('paused');
  expect((await retry(mailing)).status).toBe(202);
  await decide(mailing, 'resume');
  expect(await shop.finish(mailing)).toMatchObject({ sent: 3, error: 0 });
  await shop.p.moveClock(21 * 60);
  expect((await retry(mailing)).status).toBe(409);
});
