import { setTimeout as delay } from 'node:timers/promises';
import { writeOne } from '../../lambdas/kernel/table';
import { clientOf, ledger, messageKey } from '../../lambdas/mailings/ledger';
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

const record = (message: object) => ({
  Records: [
    {
      messageId: 'one',
      receiptHandle: 'one',
      body: JSON.stringify(message),
      attributes: { ApproximateReceiveCount: '1' },
    },
  ],
});
const drive = (mailing: string, version = 1) => shop.p.run('Mailings/Run/Function', record({ mailing, version }));

/** @returns what sets it back */
function setRate(perSecond: number): () => void {
  const parts = ['Run/Function', 'Send/Function', 'Api'].map((one) => shop.p.named(`Mailings/${one}`).environment);
  for (const environment of parts) environment['SEND_RATE_PER_SECOND'] = String(perSecond);
  return () => {
    for (const environment of parts) environment['SEND_RATE_PER_SECOND'] = '500';
  };
}

/** Works until the mailing's first message waits for a reason. */
async function waitsFor(mailing: string, reason: string) {
  let waiting: { reason: string; until: string; detail: string } | undefined;
  await shop.p.settle(async () => {
    waiting = (await shop.messages(mailing))[0]?.waiting;
    return waiting?.reason === reason;
  });
  return waiting;
}

test('a message that is handed out waits for its turn at the rate', async () => {
  await shop.fill(2, () => ({ tag: 'turn' }));
  const mailing = await shop.mail({ filter: { tag: 'turn' } });
  await drive(mailing);
  const all = await shop.messages(mailing);
  expect(all.map(({ waiting }) => waiting)).toEqual(
    Array(2).fill({ reason: 'rate', until: null, detail: '500 go a second at the most' }),
  );
  expect(await shop.finish(mailing)).toMatchObject({ sent: 2 });
});

test('a message that failed says which retry comes when, and why', async () => {
  await shop.fill(1, () => ({ tag: 'again' }));
  shop.service.behave(() => 503);
  const mailing = await shop.mail({ filter: { tag: 'again' } });
  const waiting = await waitsFor(mailing, 'retry');
  expect(waiting?.detail).toMatch(/^retry \d at \d\d:\d\d:\d\d UTC: the service answered 503: /);
  expect(waiting?.detail).toContain(String(waiting?.until).slice(11, 19));
  shop.service.behave(() => undefined);
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
  await shop.fill(200, () => ({ tag: 'dead' }));
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
  for (let minutes = 5; minutes <= 40; minutes += 5) {
    await shop.pass(minutes * 60);
    await shop.p.settle();
  }
  // eight times five minutes, in each one probe or some, as the pauses allow
  const probes = shop.service.asked.length - first;
  expect(probes).toBeGreaterThan(0);
  expect(probes).toBeLessThanOrEqual(20 + (Date.now() - start) / 1_000);

  shop.service.behave(() => undefined);
  for (let minutes = 60; (await shop.counts(mailing))['sent'] !== 200 && minutes < 120; minutes += 10) {
    await shop.pass(minutes * 60);
    await shop.p.settle();
  }
  expect(await shop.finish(mailing)).toMatchObject({ total: 200, sent: 200 });
  expect((await state()).service).toEqual({ failures: 0, open_until: null });
});

test('a mailing at whose text the service fails does not delay another one', async () => {
  await shop.fill(90, () => ({ tag: 'ill' }));
  await shop.fill(150, () => ({ tag: 'well' }));
  shop.service.behave(({ text }) => (text === 'ill' ? 500 : undefined));
  const ill = await shop.mail({ filter: { tag: 'ill' }, text: 'ill', end_at: inMs(60 * MINUTES) });
  await waitsFor(ill, 'service_down');
  const well = await shop.mail({ filter: { tag: 'well' }, text: 'well' });
  expect(await shop.finish(well)).toMatchObject({ total: 150, sent: 150 });
  const all = await shop.messages(well);
  expect(all.every(({ attempts }) => attempts === 1)).toBe(true);
  expect(await shop.counts(ill)).toMatchObject({ sent: 0, processing: 90 });
  await shop.api('DELETE', `/api/mailings/${ill}/`);
  await shop.p.settle();
});

test('a service that hangs is given up after its time, and asked again with the same id', async () => {
  await shop.fill(3, () => ({ tag: 'hangs' }));
  shop.service.behave((_, number) => (number <= 2 ? 'hang' : undefined));
  const mailing = await shop.mail({ filter: { tag: 'hangs' } });
  expect(await shop.finish(mailing)).toMatchObject({ sent: 3 });
  const late = (await shop.messages(mailing)).filter(({ attempts }) => attempts === 2);
  expect(late).toHaveLength(2);
  expect(late[0].last_error).toBe('no answer within 5 s');
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
  // longer than a second try would wait without being asked
  shop.service.askForPatience('5');
  expect(await shop.finish(mailing)).toMatchObject({ sent: 1 });
  const [first, second] = shop.service.asked.map(({ at }) => at);
  expect(Number(second) - Number(first)).toBeGreaterThan(4_500);
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
  const undo = setRate(40);
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

test('after a stall of the service nothing is made up for: the rate holds', async () => {
  const undo = setRate(25);
  const { environment } = shop.p.named('Mailings/Send/Function');
  environment['SEND_PARALLEL'] = '1';
  try {
    await shop.fill(7, () => ({ tag: 'stall' }));
    shop.service.behave(async (_, number) => {
      if (number === 1) await delay(1_000);
      return undefined;
    });
    const mailing = await shop.mail({ filter: { tag: 'stall' } });
    expect(await shop.finish(mailing)).toMatchObject({ sent: 7 });
    const late = shop.service.asked.slice(1).map(({ at }) => at);
    // 5 spaces of 40 ms between those that had to wait
    expect(Math.max(...late) - Math.min(...late)).toBeGreaterThan(130);
  } finally {
    environment['SEND_PARALLEL'] = '4';
    undo();
  }
});

test('a message that missed its slot does not keep its sender when the next one is far', async () => {
  const undo = setRate(0.05);
  try {
    await shop.fill(1, () => ({ tag: 'rare' }));
    const mailing = await shop.mail({ filter: { tag: 'rare' } });
    await drive(mailing);
    await delay(400);
    const before = Date.now();
    await shop.p.settle();
    expect(Date.now() - before).toBeLessThan(10_000);
    expect(shop.service.asked).toHaveLength(0);
    await shop.api('DELETE', `/api/mailings/${mailing}/`);
  } finally {
    undo();
    await writeOne(ledger.delete({ pk: 'RATE', sk: 'RATE' }));
  }
});

test('with the rate open nothing waits for its turn', async () => {
  const undo = setRate(0);
  try {
    await shop.fill(210, () => ({ tag: 'open' }));
    const mailing = await shop.mail({ filter: { tag: 'open' } });
    await drive(mailing);
    expect((await shop.messages(mailing))[0].waiting).toMatchObject({ reason: 'rate', detail: 'its turn is coming' });
    expect(await shop.finish(mailing)).toMatchObject({ sent: 210 });
    expect(shop.service.asked).toHaveLength(210);
  } finally {
    undo();
  }
});

test('a lease that has ended is not used any more', async () => {
  await shop.fill(3, () => ({ tag: 'leased' }));
  const mailing = await shop.mail({ filter: { tag: 'leased' } });
  await drive(mailing);
  // the senders' messages wait in their queue; the run hands the clients out anew
  await shop.pass(160);
  expect(await shop.finish(mailing)).toMatchObject({ sent: 3 });
  expect(shop.service.asked).toHaveLength(3);
});

test('a settlement that comes after its lease was given away changes nothing', async () => {
  await shop.fill(3, () => ({ tag: 'fenced' }));
  let written: Promise<void> | undefined;
  shop.service.behave(({ id }, number) => {
    if (number === 2) return 'hang';
    if (number === 1) {
      const at = new Date(Date.now() + 100_000).toISOString();
      written = writeOne(ledger.update(messageKey(mailing, clientOf(mailing, id)), { set: { at } }));
    }
    return undefined;
  });
  const mailing = await shop.mail({ filter: { tag: 'fenced' } });
  await shop.p.settle(async () => (await shop.counts(mailing))['sent'] === 1);
  await written;
  expect((await shop.messages(mailing)).filter(({ attempts }) => attempts === 0)).toHaveLength(1);
  await shop.pass(200);
  expect(await shop.finish(mailing)).toMatchObject({ total: 3, sent: 3, processing: 0 });
  expect(new Set(shop.service.asked.map(({ id }) => id)).size).toBe(3);
  const [message] = await shop.messages(mailing);
  expect((await shop.api('GET', `/api/mailings/messages/${message.id}/`)).body).toEqual(message);
  expect((await shop.api('GET', `/api/mailings/messages/${mailing}/`)).status).toBe(404);
});

test('a run that died between two pages goes on, though some of its first messages are due again by then', async () => {
  await shop.fill(300, () => ({ tag: 'halfway' }));
  shop.service.behave((_, number) => (number % 10 === 0 ? 503 : undefined));
  let pages = 0;
  setFault(({ entry, command }) => {
    if (entry !== 'mailings/run') return undefined;
    if (command.startsWith('Transact')) pages += 1;
    return pages > 1 ? 'before' : undefined;
  });
  const mailing = await shop.mail({ filter: { tag: 'halfway' } });
  await shop.p.settle(async () => shop.service.asked.length >= 95);
  await shop.p.settle(async () => (await shop.messages(mailing, '&status=sent')).length === 86);
  setFault(undefined);
  shop.service.behave(() => undefined);
  await shop.pass(70);
  expect(await shop.finish(mailing)).toMatchObject({ total: 300, sent: 300, processing: 0 });
});

test('when every sender that a mailing may have is lost, it goes on once their leases have ended', async () => {
  await shop.fill(220, () => ({ tag: 'lost' }));
  setFault(({ entry }) => (entry === 'mailings/send' ? 'before' : undefined));
  const mailing = await shop.mail({ filter: { tag: 'lost' } });
  await shop.p.settle(async () => (await shop.counts(mailing))['processing'] === 200);
  await shop.pass(70);
  setFault(undefined);
  expect(await shop.finish(mailing)).toMatchObject({ total: 220, sent: 220 });
});

test('all senders together keep to the rate', async () => {
  const undo = setRate(40);
  try {
    await shop.fill(120, () => ({ tag: 'rated' }));
    const mailing = await shop.mail({ filter: { tag: 'rated' } });
    expect(await shop.finish(mailing)).toMatchObject({ sent: 120 });
    const times = shop.service.asked.map(({ at }) => at);
    // 119 spaces of 25 ms; a machine that stalls may deliver some late, and only the first one late makes it shorter
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_800);
  } finally {
    undo();
  }
});

test('what is asked and answered can be followed by mailing, message and client', async () => {
  const [client = ''] = await shop.fill(1, () => ({ tag: 'logged' }));
  shop.service.behave((_, number) => (number === 1 ? 'nonsense' : undefined));
  const mailing = await shop.mail({ filter: { tag: 'logged' } });
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
