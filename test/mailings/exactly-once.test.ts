import { setFault } from '../support/faults';
import { openShop, type Shop } from './shop';

/** More than a step of a run takes. */
const CLIENTS = 1_000;
const MINUTES = 60_000;

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());
afterEach(async () => {
  setFault(undefined);
  await shop.p.moveClock(0);
});

/** Ends functions at so many of their calls, in turn before a call is sent and after its effect. @returns how many so far */
function endFunctions(every: number, most: number): () => number {
  let ended = 0;
  setFault(({ entry, number }) => {
    if (!/mailings\/(send|run)$/.test(entry) || number % every !== every - 1 || ended >= most) return undefined;
    ended += 1;
    return ended % 2 ? 'before' : 'after';
  });
  return () => ended;
}

/** Lets work and time pass in turn until the mailing is through: leases end, drivers that died are found. */
async function carryOn(mailing: string, meanwhile: (round: number) => Promise<unknown> = async () => undefined) {
  const isThrough = async () => (await shop.api('GET', `/api/mailings/${mailing}/`)).body.status === 'finished';
  for (let round = 1; round <= 30; round++) {
    await shop.p.settle(undefined, 4 * MINUTES);
    if (await isThrough()) return;
    await meanwhile(round);
    await shop.pass(round * 150);
  }
}

async function expectExactlyOnce(mailing: string) {
  expect(await shop.counts(mailing)).toMatchObject({
    status: 'finished',
    total: CLIENTS,
    sent: CLIENTS,
    processing: 0,
    error: 0,
    expired: 0,
  });
  expect(shop.service.taken.size).toBe(CLIENTS);
  const phones = new Set([...shop.service.taken.values()].map(({ phone }) => phone));
  expect(phones.size).toBe(CLIENTS);
  expect(new Set(shop.service.asked.map(({ id }) => id)).size).toBe(CLIENTS);
  const { body } = await shop.api('GET', '/api/mailings/stats/');
  expect(body.overall).toMatchObject({ processing: 0 });
}

test(
  'each of very many clients gets one message while functions are ended',
  async () => {
    await shop.fill(CLIENTS, () => ({ tag: 'ended' }));
    const ended = endFunctions(17, 24);
    const mailing = await shop.mail({ filter: { tag: 'ended' }, end_at: new Date(Date.now() + 300 * MINUTES) });
    await carryOn(mailing);
    setFault(undefined);
    expect(ended()).toBeGreaterThan(5);
    await expectExactlyOnce(mailing);
  },
  8 * MINUTES,
);

test(
  'the same while it is paused and resumed, the service fails each third call, and its start is delivered twice',
  async () => {
    shop.service.forget();
    await shop.fill(CLIENTS, () => ({ tag: 'troubled' }));
    const ended = endFunctions(23, 16);
    const mailing = await shop.mail({ filter: { tag: 'troubled' }, end_at: new Date(Date.now() + 300 * MINUTES) });
    const decide = (verb: string) => shop.api('POST', `/api/mailings/${mailing}/${verb}/`);
    shop.service.behave((_, number) => {
      if (number === 200 || number === 500) void decide('pause');
      return number % 3 === 0 ? 503 : undefined;
    });
    const record = (id: string) => ({
      messageId: id,
      receiptHandle: id,
      body: JSON.stringify({ mailing, version: 1 }),
      attributes: { ApproximateReceiveCount: '1' },
    });
    const start = (id: string) => shop.p.run('Mailings/Run/Function', { Records: [record(id)] }).catch(() => undefined);
    const starts = [start('a'), start('b')];
    await carryOn(mailing, () => decide('resume'));
    await Promise.all(starts);
    setFault(undefined);
    expect(ended()).toBeGreaterThan(5);
    await expectExactlyOnce(mailing);
  },
  8 * MINUTES,
);
