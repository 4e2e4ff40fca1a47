import { setTimeout as delay } from 'node:timers/promises';
import { findMailing } from '../../lambdas/mailings/mailings';
import { post } from '../../lambdas/mailings/send-service';
import { freePort } from '../support/emulator-setup';
import { calls, setFault } from '../support/faults';
import { inMs, MINUTES, openInUtc, openShop, type Shop } from './shop';

jest.setTimeout(5 * MINUTES);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());
beforeEach(() => shop.service.forget());
afterEach(async () => {
  setFault(undefined);
  await shop.p.moveClock(0);
});

/** Works until the mailing's first message waits for a reason. */
async function waitsFor(mailing: string, reason: string) {
  let waiting: { reason: string; until: string; detail: string } | undefined;
  await shop.p.settle(async () => {
    waiting = (await shop.messages(mailing))[0]?.waiting;
    return waiting?.reason === reason;
  });
  return waiting;
}

test('a message that failed says which retry comes when, and why', async () => {
  await shop.fill(1, () => ({ tag: 'again' }));
  shop.service.behave(() => 503);
  const mailing = await shop.mail({ filter: { tag: 'again' } });
  const waiting = await waitsFor(mailing, 'retry');
  expect(waiting?.detail).toMatch(/^retry \d at \d\d:\d\d:\d\d UTC: the service answered 503: /);
  expect(waiting?.detail).toContain(String(waiting?.until).slice(11, 19));
  shop.service.behave(() => undefined);
  await shop.pass(20);
  expect(await shop.finish(mailing)).toMatchObject({ sent: 1 });
});

test('a message outside of its window says when that opens, a paused one that it is paused', async () => {
  await shop.fill(1, () => ({ tag: 'window', timezone: 'Etc/GMT+2' }));
  const mailing = await shop.mail({
    filter: { tag: 'window' },
    end_at: inMs(8 * 60 * MINUTES),
    time_window: openInUtc(),
  });
  const waiting = await waitsFor(mailing, 'window');
  expect(waiting?.detail).toBe(`the client's time window opens at ${waiting?.until.slice(11, 19)} UTC`);
  await shop.pass(20);
  await shop.p.settle();
  // the index may lag behind: what it does not show yet must not sleep for an hour and a half
  const wakesAt = async () => (await findMailing(mailing))?.wake_at ?? '';
  await shop.p.settle(async () => (await wakesAt()) > inMs(2 * MINUTES));
  expect((await wakesAt()) < inMs(6 * MINUTES)).toBe(true);
  expect((await shop.api('POST', `/api/mailings/${mailing}/pause/`)).body.status).toBe('paused');
  const [message] = await shop.messages(mailing);
  expect(message.waiting).toEqual({ reason: 'paused', until: null, detail: 'the mailing is paused' });
  const path = `/api/mailings/${mailing}/messages/${message.id}/`;
  expect((await shop.api('GET', path)).body.waiting).toEqual(message.waiting);
  expect((await shop.api('GET', path.replace(message.id, mailing))).status).toBe(404);
  await shop.api('POST', `/api/mailings/${mailing}/cancel/`);
  await shop.p.settle(async () => (await shop.counts(mailing))['expired'] === 1);
  expect((await shop.messages(mailing))[0]).toMatchObject({ last_error: 'the mailing was cancelled', waiting: null });
});

test('a dead service is asked some twenty times, then by single probes, and costs nothing in between', async () => {
  await shop.fill(110, () => ({ tag: 'dead' }));
  shop.service.behave(() => 500);
  const mailing = await shop.mail({ filter: { tag: 'dead' }, end_at: inMs(10 * 60 * MINUTES) });
  const waiting = await waitsFor(mailing, 'service_down');
  expect(waiting?.detail).toBe(`the send service is down, tried again at ${waiting?.until.slice(11, 19)} UTC`);
  const state = async () => (await shop.api('GET', '/api/mailings/counts/')).body;
  expect(await state()).toMatchObject({
    messages: { total: expect.any(Number) },
    service: { open_until: waiting?.until },
  });
  await shop.p.settle();
  const first = shop.service.asked.length;
  // two chunks may be on their way when the first one finds out, each with as many requests at once as a sender makes
  expect(first).toBeLessThan(100);

  setFault(undefined);
  await shop.p.settle();
  expect(calls).toEqual([]);

  const start = Date.now();
  for (let minutes = 10; minutes <= 40; minutes += 10) {
    await shop.pass(minutes * 60);
    await shop.p.settle();
  }
  // four times ten minutes, in each one probe or some, as the pauses allow
  const probes = shop.service.asked.length - first;
  expect(probes).toBeGreaterThan(0);
  expect(probes).toBeLessThanOrEqual(20 + (Date.now() - start) / 1_000);

  shop.service.behave(() => undefined);
  for (let minutes = 60; (await shop.counts(mailing))['sent'] !== 110 && minutes < 120; minutes += 10) {
    await shop.pass(minutes * 60);
    await shop.p.settle();
  }
  expect(await shop.finish(mailing)).toMatchObject({ total: 110, sent: 110 });
  expect((await state()).service).toEqual({ failures: 0, open_until: null });
});

test('a mailing at whose text the service fails does not delay another one', async () => {
  await shop.fill(50, () => ({ tag: 'ill' }));
  await shop.fill(60, () => ({ tag: 'well' }));
  shop.service.behave(({ text }) => (text === 'ill' ? 500 : undefined));
  const ill = await shop.mail({ filter: { tag: 'ill' }, text: 'ill', end_at: inMs(60 * MINUTES) });
  await waitsFor(ill, 'service_down');
  const well = await shop.mail({ filter: { tag: 'well' }, text: 'well' });
  expect(await shop.finish(well)).toMatchObject({ total: 60, sent: 60 });
  const all = await shop.messages(well);
  expect(all.every(({ attempts }) => attempts === 1)).toBe(true);
  expect(await shop.counts(ill)).toMatchObject({ sent: 0, processing: 50 });
  await shop.api('DELETE', `/api/mailings/${ill}/`);
  await shop.p.settle();
});

test('a service that hangs is given up after its time, and asked again with the same id', async () => {
  await shop.fill(3, () => ({ tag: 'hangs' }));
  const real = AbortSignal.timeout.bind(AbortSignal);
  const timeout = jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => real(ms / 10));
  shop.service.behave((_, number) => (number <= 2 ? 'hang' : undefined));
  const mailing = await shop.mail({ filter: { tag: 'hangs' } });
  expect(await shop.finish(mailing)).toMatchObject({ sent: 3 });
  const late = (await shop.messages(mailing)).filter(({ attempts }) => attempts === 2);
  expect(late).toHaveLength(2);
  expect(late[0].last_error).toBe('no answer within 5 s');
  expect(timeout).toHaveBeenCalledWith(5_000);
  timeout.mockRestore();
  expect(shop.service.taken.size).toBe(3);
});

test('a service that asks for patience gets it; one that cannot be reached is asked again', async () => {
  const environment = shop.p.named('Mailings/Send/Function').environment;
  environment['SEND_API_URL'] = `http://127.0.0.1:${await freePort()}`;
  await shop.fill(1, () => ({ tag: 'patience' }));
  const mailing = await shop.mail({ filter: { tag: 'patience' } });
  const unreachable = await waitsFor(mailing, 'retry');
  delete environment['SEND_API_URL'];
  expect(unreachable?.detail).toMatch(/no connection: ECONNREFUSED$/);
  shop.service.behave((_, number) => (number === 1 ? 429 : undefined));
  shop.service.askForPatience('60');
  await shop.pass(20);
  await shop.p.settle(async () => shop.service.asked.length === 1);
  await shop.pass(60);
  await shop.p.settle();
  expect(shop.service.asked).toHaveLength(1);
  await shop.pass(100);
  expect(await shop.finish(mailing)).toMatchObject({ sent: 1 });
});

test('where no send service is set, an attempt says so', async () => {
  process.env['SEND_API_URL'] = '';
  const outcome = await post('id', '79000000000', 'text');
  process.env['SEND_API_URL'] = shop.service.url;
  expect(outcome).toMatchObject({ outcome: 'failed', answer: 'no send service is set: SEND_API_URL' });
});

test('a service that asks for more patience than there is gets it until the end, and nothing is lost', async () => {
  await shop.fill(2, () => ({ tag: 'eternal' }));
  const numbers = ['10000000000000', '300000000000'];
  for (const seconds of numbers) {
    shop.service.forget();
    shop.service.behave(() => 429);
    shop.service.askForPatience(seconds);
    const mailing = await shop.mail({ filter: { tag: 'eternal' } });
    const waiting = await waitsFor(mailing, 'retry');
    const { body } = await shop.api('GET', `/api/mailings/${mailing}/`);
    expect(waiting?.until).toBe(body.end_at);
    await shop.p.settle();
    expect(shop.service.asked).toHaveLength(2);
    await shop.api('DELETE', `/api/mailings/${mailing}/`);
  }
});

test('a service that is slow but well with one mailing does not hold up another', async () => {
  const undo = shop.setRate(40);
  try {
    await shop.fill(80, () => ({ tag: 'slow' }));
    await shop.fill(5, () => ({ tag: 'fast' }));
    shop.service.behave(async ({ text }) => {
      if (text === 'slow') await delay(500);
      return undefined;
    });
    const slow = await shop.mail({ filter: { tag: 'slow' }, text: 'slow' });
    await shop.p.settle(async () => shop.service.asked.length > 0);
    const fast = await shop.mail({ filter: { tag: 'fast' }, text: 'fast' });
    await shop.p.settle(async () => (await shop.counts(fast))['sent'] === 5);
    // what all senders hold, and what they were given meanwhile
    expect(shop.service.asked.filter(({ text }) => text === 'slow').length).toBeLessThan(65);
    await shop.api('DELETE', `/api/mailings/${slow}/`);
  } finally {
    undo();
  }
});

test('what is asked and answered can be followed by mailing, message and client', async () => {
  const [client = ''] = await shop.fill(1, () => ({ tag: 'logged' }));
  shop.service.behave((_, number) => (number === 1 ? 'nonsense' : undefined));
  const mailing = await shop.mail({ filter: { tag: 'logged' } });
  await waitsFor(mailing, 'retry');
  await shop.pass(20);
  await shop.finish(mailing);
  const [message] = await shop.messages(mailing);
  const whats = (lines: { what: string }[]) => lines.map(({ what }) => what);
  const attempts = ['taken into the ledger', 'asked the send service: failed', 'asked the send service: sent'];
  const log = async (query: string) => (await shop.api('GET', `/api/mailings/${mailing}/log/${query}`)).body.results;
  const [created, ...rest] = await log('');
  expect(created.what).toMatch(/^created by /);
  expect(whats(rest)).toEqual(attempts);
  expect(whats(await log(`?message=${message.id}`))).toEqual(attempts);
  expect(whats(await log(`?client=${client}`))).toEqual(attempts);
  expect(await log(`?client=${mailing}`)).toEqual([]);
  const own = await shop.api('GET', `/api/clients/${client}/log/`);
  expect(whats(own.body.messages)).toEqual(attempts);
  expect(own.body.messages[1]).toMatchObject({
    mailing,
    message: message.id,
    attempt: { status: 200, outcome: 'failed', answer: 'nonsense' },
  });
});
