import { setTimeout as delay } from 'node:timers/promises';
import { writeOne } from '../../lambdas/kernel/table';
import { clientOf, ledger, messageKey } from '../../lambdas/mailings/ledger';
import { setFault } from '../support/faults';
import { MINUTES, openShop, type Shop } from './shop';

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

test('a message that is handed out waits for its turn at the rate', async () => {
  await shop.fill(2, () => ({ tag: 'turn' }));
  const mailing = await shop.mail({ filter: { tag: 'turn' } });
  await shop.drive(mailing);
  const all = await shop.messages(mailing);
  expect(all.map(({ waiting }) => waiting)).toEqual(
    Array(2).fill({ reason: 'rate', until: null, detail: '500 go a second at the most' }),
  );
  expect(await shop.finish(mailing)).toMatchObject({ sent: 2 });
});

test('all senders together keep to the rate', async () => {
  const undo = shop.setRate(40);
  try {
    await shop.fill(80, () => ({ tag: 'rated' }));
    const mailing = await shop.mail({ filter: { tag: 'rated' } });
    expect(await shop.finish(mailing)).toMatchObject({ sent: 80 });
    const times = shop.service.asked.map(({ at }) => at);
    // 79 spaces of 25 ms; a machine that stalls may deliver some late, and only the first one late makes it shorter
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_200);
  } finally {
    undo();
  }
});

test('after a stall of the service nothing is made up for: the rate holds', async () => {
  const undo = shop.setRate(25);
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
  const undo = shop.setRate(0.05);
  try {
    await shop.fill(1, () => ({ tag: 'rare' }));
    const mailing = await shop.mail({ filter: { tag: 'rare' } });
    await shop.drive(mailing);
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
  const undo = shop.setRate(0);
  try {
    await shop.fill(210, () => ({ tag: 'open' }));
    const mailing = await shop.mail({ filter: { tag: 'open' } });
    await shop.drive(mailing);
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
  await shop.drive(mailing);
  // the senders' messages wait in their queue; the run hands the clients out anew
  await shop.pass(160);
  expect(await shop.finish(mailing)).toMatchObject({ sent: 3 });
  expect(shop.service.asked).toHaveLength(3);
});

test('a settlement that comes after its lease was given away changes nothing', async () => {
  await shop.fill(3, () => ({ tag: 'fenced' }));
  const real = AbortSignal.timeout.bind(AbortSignal);
  const timeout = jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => real(ms / 10));
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
  timeout.mockRestore();
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
  const mailing = await shop.mail({ filter: { tag: 'halfway' } });
  let pages = 0;
  setFault(({ entry, command, input }) => {
    if (entry !== 'mailings/run') return undefined;
    // another mailing's run may still be closing
    if (command.startsWith('Transact') && JSON.stringify(input).includes(mailing)) pages += 1;
    return pages > 1 ? 'before' : undefined;
  });
  // of the first page most are sent, some are to be tried again
  await shop.p.settle(async () => {
    const all = await shop.messages(mailing);
    const sent = all.filter(({ status }) => status === 'sent').length;
    return sent > 50 && all.some(({ waiting }) => waiting?.reason === 'retry');
  });
  setFault(undefined);
  shop.service.behave(() => undefined);
  await shop.pass(70);
  expect(await shop.finish(mailing)).toMatchObject({ total: 300, sent: 300, processing: 0 });
});

test('a message that goes on from a step drives its mailing when it comes again, though its driver had begun to write', async () => {
  await shop.fill(2, () => ({ tag: 'redelivered' }));
  const mailing = await shop.mail({ filter: { tag: 'redelivered' } });
  let failures = 0;
  // the mailing has started by then
  setFault(({ command }) => (command.startsWith('Transact') && ++failures === 1 ? new Error('away') : undefined));
  expect((await shop.drive(mailing, 0)).batchItemFailures).toHaveLength(1);
  setFault(undefined);
  expect((await shop.drive(mailing, 0)).batchItemFailures).toHaveLength(0);
  expect(await shop.counts(mailing)).toMatchObject({ total: 0 });
  expect((await shop.drive(mailing, 0, 2)).batchItemFailures).toHaveLength(0);
  expect(await shop.counts(mailing)).toMatchObject({ processing: 2 });
  expect(await shop.finish(mailing)).toMatchObject({ sent: 2 });
});

test('a read that fails in the midst of a chunk costs none of its other messages what came of them', async () => {
  const undo = shop.setRate(25);
  const { environment } = shop.p.named('Mailings/Send/Function');
  environment['SEND_PARALLEL'] = '1';
  try {
    await shop.fill(3, () => ({ tag: 'midst' }));
    let isAway = false;
    // the second one is late then, and asks for another slot
    shop.service.behave(async (_, number) => {
      if (number > 1) return undefined;
      isAway = true;
      await delay(400);
      return undefined;
    });
    setFault(({ entry, command }) => {
      if (!isAway || entry !== 'mailings/send' || command !== 'GetItemCommand') return undefined;
      isAway = false;
      return new Error('away');
    });
    const mailing = await shop.mail({ filter: { tag: 'midst' } });
    expect(await shop.finish(mailing)).toMatchObject({ sent: 3 });
    expect(isAway).toBe(false);
    expect(shop.service.asked).toHaveLength(3);
  } finally {
    environment['SEND_PARALLEL'] = '4';
    undo();
  }
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
