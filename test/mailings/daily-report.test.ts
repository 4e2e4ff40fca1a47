import { randomUUID } from 'node:crypto';
import { setFault } from '../support/faults';
import { inMs, openShop, type Shop } from './shop';

interface Mail {
  To: string[];
  Source: string;
  Subject: string;
  BodyText: string;
}

jest.setTimeout(300_000);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());
afterEach(() => shop.p.moveClock(0));

const to = `${randomUUID()}@example.com`;
const report = (extra: Record<string, string> = {}) =>
  shop.p.run<{ sent: boolean }>('Mailings/Report', {}, { STATS_EMAIL: to, STATS_EMAIL_HOUR: '0', ...extra });

/** What the emulator's inbox holds for this test's address. */
async function inbox(): Promise<Mail[]> {
  const response = await fetch(`${process.env['AWS_ENDPOINT_URL']}/_ministack/ses/messages`);
  const { messages } = (await response.json()) as { messages: Record<string, Mail[]> };
  return Object.values(messages)
    .flat()
    .filter(({ To }) => To.includes(to));
}

test('the daily e-mail is sent once, from its hour on, and says what was sent since the last one', async () => {
  expect(await report({ STATS_EMAIL_HOUR: '24' })).toEqual({ sent: false });
  expect(await shop.p.run('Mailings/Report', {}, { STATS_EMAIL: '' })).toEqual({ sent: false });
  await shop.fill(3, () => ({ tag: 'mailed' }));
  const finished = await shop.mail({ filter: { tag: 'mailed' }, text: 'Your order\nis ready' });
  await shop.finish(finished);

  expect(await Promise.all([report(), report()])).toEqual(expect.arrayContaining([{ sent: true }, { sent: false }]));
  expect(await report()).toEqual({ sent: false });
  const [first, ...others] = await inbox();
  expect(others).toEqual([]);
  const date = new Date().toISOString().slice(0, 10);
  expect(first?.Subject).toBe(`Mailings until ${date}: 3 sent, 0 not`);
  expect(first?.BodyText).toMatch(/^sent +3$/m);
  expect(first?.BodyText).toMatch(/ UTC {2}finished {3}3 of 3 sent {2}Your order is ready$/m);

  await shop.fill(1, () => ({ tag: 'mailed' }));
  await shop.finish(await shop.mail({ filter: { tag: 'mailed' }, end_at: inMs(10 * 60_000) }));
  await shop.p.moveClock(24 * 3_600);
  expect(await report({ STATS_EMAIL_FROM: 'mercato@example.com' })).toEqual({ sent: true });
  const second = (await inbox())[1];
  expect(second).toMatchObject({
    Source: 'mercato@example.com',
    Subject: expect.stringMatching(/^Mailings on .*: 4 sent, 0 not$/),
  });
  expect(second?.BodyText).toContain(`since ${date}`);
  expect(second?.BodyText).toMatch(/^sent +4 +7$/m);
});

test('a report whose run died on its way is sent by another one, ten minutes later', async () => {
  const days = 5 * 24 * 3_600;
  await shop.p.moveClock(days);
  const before = (await inbox()).length;
  setFault(({ entry, command }) => (entry === 'mailings/report' && /^Query/.test(command) ? 'before' : undefined));
  await expect(report()).rejects.toThrow();
  setFault(undefined);
  expect(await report()).toEqual({ sent: false });
  expect(await inbox()).toHaveLength(before);
  await shop.p.moveClock(days + 601);
  expect(await report()).toEqual({ sent: true });
  expect(await inbox()).toHaveLength(before + 1);
});
