import { inMs, MINUTES, openInUtc, openShop, type Shop } from './shop';

jest.setTimeout(5 * MINUTES);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());
beforeEach(() => shop.service.forget());
afterEach(async () => {
  await shop.p.moveClock(0);
});

const messagesOf: Shop['messages'] = (mailing, query) => shop.messages(mailing, query);
const pass: Shop['pass'] = (seconds) => shop.pass(seconds);

test('a mailing inside its window starts at once and reaches each of its clients once', async () => {
  const wanted = await shop.fill(120, (index) => ({ tag: index % 2 ? 'first' : 'second' }));
  await shop.fill(5, () => ({ tag: 'other' }));
  const mailing = await shop.mail({ filter: { tag: ['first', 'second'] }, text: 'hello you' });
  const counts = await shop.finish(mailing);
  expect(counts).toMatchObject({ total: 120, processing: 0, sent: 120, error: 0, expired: 0 });
  expect(shop.service.asked).toHaveLength(120);
  expect(shop.service.taken.size).toBe(120);
  expect(new Set(shop.service.asked.map(({ phone }) => phone)).size).toBe(wanted.length);
  expect(shop.service.asked[0]?.text).toBe('hello you');
});

test('failures are tried again with the same id, refusals are errors and can be put back', async () => {
  await shop.fill(30, () => ({ tag: 'failing' }));
  const refused = new Set<string>();
  shop.service.behave(({ id }, number) => {
    if (refused.size < 2 || refused.has(id)) {
      refused.add(id);
      return 400;
    }
    return number > 30 ? undefined : [undefined, undefined, 503, undefined, undefined, 'nonsense'][number % 6];
  });
  const mailing = await shop.mail({ filter: { tag: 'failing' } });
  expect(await shop.finish(mailing)).toMatchObject({ total: 30, sent: 28, error: 2 });
  expect(new Set(shop.service.asked.map(({ id }) => id)).size).toBe(30);
  const [error] = await messagesOf(mailing, '&status=error');
  expect(error).toMatchObject({ attempts: 1, waiting: null, last_error: expect.stringContaining('400') });

  shop.service.behave(() => undefined);
  expect((await shop.api('POST', `/api/mailings/${mailing}/messages/retry/`)).status).toBe(202);
  expect(await shop.finish(mailing)).toMatchObject({ total: 30, sent: 30, error: 0 });
  const log = await shop.api('GET', `/api/mailings/${mailing}/log/?message=${error.id}`);
  expect(log.body.results.filter((line: { attempt?: object }) => line.attempt)).toMatchObject([
    { attempt: { status: 400, outcome: 'refused' } },
    { attempt: { status: 200, outcome: 'sent' } },
  ]);
});

test('what is paused waits, what is resumed goes on, what is cancelled expires', async () => {
  await shop.fill(60, () => ({ tag: 'stopped' }));
  const mailing = await shop.mail({ filter: { tag: 'stopped' } });
  const decide = (verb: string) => shop.api('POST', `/api/mailings/${mailing}/${verb}/`);
  shop.service.behave((_, number) => {
    if (number === 10) void decide('pause');
    return number % 3 === 0 ? 500 : undefined;
  });
  await shop.p.settle(async () => (await shop.api('GET', `/api/mailings/${mailing}/`)).body.status === 'paused');
  await shop.p.settle();
  const asked = shop.service.asked.length;
  await shop.p.settle();
  expect(shop.service.asked).toHaveLength(asked);
  const waiting = await messagesOf(mailing, '&status=processing');
  expect(waiting.every((one: { waiting: { reason: string } }) => one.waiting.reason === 'paused')).toBe(true);

  shop.service.behave(() => undefined);
  expect((await decide('resume')).body.status).toBe('running');
  expect(await shop.finish(mailing)).toMatchObject({ total: 60, sent: 60, processing: 0 });
  expect(shop.service.taken.size).toBe(60);
  expect((await decide('cancel')).status).toBe(409);
});

test('cancelling before the end leaves nothing in processing', async () => {
  await shop.fill(40, (index) => ({ tag: 'cancelled', timezone: index % 2 ? 'UTC' : 'Pacific/Kiritimati' }));
  shop.service.behave(() => 503);
  const mailing = await shop.mail({ filter: { tag: 'cancelled' } });
  await shop.p.settle(async () => shop.service.asked.length >= 20);
  await shop.api('POST', `/api/mailings/${mailing}/cancel/`);
  await shop.p.settle(async () => {
    const { total, processing } = await shop.counts(mailing);
    return Number(total) > 0 && processing === 0;
  });
  const counts = await shop.counts(mailing);
  expect(counts).toMatchObject({ status: 'cancelled', sent: 0 });
  expect(counts['expired']).toBe(counts['total']);
});

test('each client is written to in the window of the own zone; who cannot be reached expires at once', async () => {
  await shop.fill(3, () => ({ tag: 'zones', timezone: 'UTC' }));
  await shop.fill(3, () => ({ tag: 'zones', timezone: 'Etc/GMT+2' }));
  await shop.fill(3, () => ({ tag: 'zones', timezone: 'Etc/GMT-6' }));
  const mailing = await shop.mail({
    filter: { tag: 'zones' },
    end_at: inMs(5 * 60 * MINUTES),
    time_window: openInUtc(),
  });
  await shop.p.settle(async () => {
    const { sent, total } = await shop.counts(mailing);
    return sent === 3 && total === 9;
  });
  expect(await shop.counts(mailing)).toMatchObject({ sent: 3, processing: 3, expired: 3 });
  const [waits] = await messagesOf(mailing, '&status=processing');
  expect(waits.waiting).toMatchObject({ reason: 'window' });
  const [never] = await messagesOf(mailing, '&status=expired');
  expect(never.last_error).toBe('the time window does not open before the end');

  await shop.p.settle();
  await pass((Date.parse(waits.waiting.until) - Date.now()) / 1_000 + 1);
  expect(await shop.finish(mailing)).toMatchObject({ sent: 6, expired: 3, processing: 0 });
});

test('a start that was moved is not started by its old message; one that was deleted is gone', async () => {
  await shop.fill(3, () => ({ tag: 'moved' }));
  const fields = { filter: { tag: 'moved' }, start_at: inMs(60 * MINUTES), end_at: inMs(180 * MINUTES) };
  const [moved, deleted] = [await shop.mail(fields), await shop.mail(fields)];
  expect((await shop.api('PATCH', `/api/mailings/${moved}/`, { start_at: inMs(120 * MINUTES) })).status).toBe(200);
  expect((await shop.api('DELETE', `/api/mailings/${deleted}/`)).status).toBe(204);
  await shop.p.settle();
  await pass(61 * 60);
  await shop.p.settle();
  expect(shop.service.asked).toHaveLength(0);
  expect((await shop.api('GET', `/api/mailings/${moved}/`)).body.status).toBe('scheduled');
  expect((await shop.api('GET', `/api/mailings/${deleted}/`)).status).toBe(404);
  await pass(121 * 60);
  expect(await shop.finish(moved)).toMatchObject({ total: 3, sent: 3 });
});

test('what was not sent by the end expires', async () => {
  await shop.fill(40, () => ({ tag: 'late' }));
  shop.service.behave(() => 500);
  const mailing = await shop.mail({ filter: { tag: 'late' }, end_at: inMs(10 * MINUTES) });
  await shop.p.settle(async () => shop.service.asked.length >= 20);
  await pass(10 * 60 + 30);
  expect(await shop.finish(mailing)).toMatchObject({ total: 40, expired: 40, processing: 0 });
  const [message] = await messagesOf(mailing);
  expect(message.last_error).toContain('the mailing has ended');
});
