import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Deployed, deployed, type HttpAnswer } from '../support/deployed';
import { endOne } from './end-one';

const money = (cents: number): string => (cents / 100).toFixed(2);
const CATEGORIES = ['food', 'toys', 'книги'];
const HOURS = 5;

/** The function that counts, as the emulator names its processes. */
const CONSUMER = /ReceiptsCount/;

/** Asks until there is an answer: what a client does whose function was killed. */
async function until({ http }: Deployed, status: number, ...call: Parameters<Deployed['http']>): Promise<HttpAnswer> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const answer = await http(...call).catch(() => undefined);
    if (answer?.status === status) return answer;
    await delay(100);
  }
  throw new Error(`${call[0]} ${call[1]} was not answered with ${status} in 50 tries`);
}

/** Tells what is not as it must be. */
function expectSame(what: string, found: unknown, expected: unknown): void {
  const [one, other] = [found, expected].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${what}: ${one}, expected ${other}`);
}

/**
 * Receipts are sent twice each at eight connections in random order while the process that counts, and now and then any
 * other, is killed at random times; then each must be counted once, every sum be exact, and the closing must find the
 * same in the journal.
 */
export async function chaosOfReceipts(emulatorPid: number, count: number): Promise<string> {
  const stack = await deployed();
  const headers = await stack.admin();
  const started = Date.now();
  const place_id = randomUUID();
  // hours that nobody else uses
  const day = new Date(Date.UTC(2000, 0, 1 + Math.floor(Math.random() * 9_000))).toISOString().slice(0, 10);
  const all = Array.from({ length: count }, (_, n) => ({
    transaction_id: randomUUID(),
    timestamp: `${day}T1${n % HOURS}:30:00.000Z`,
    items: [{ product_id: 'p', quantity: 1, price: money(n), category: CATEGORIES[n % 3] }],
    total_amount: money(n),
    nds_amount: '0.01',
    tips_amount: '0.10',
    payment_method: 'cash',
    place_id,
    place_name: 'Market Square 1',
  }));
  const books = async () => (await until(stack, 200, 'GET', '/api/analytics/books/', { headers })).body;
  const before = await books();
  let ended = 0;
  const end = (of?: RegExp) => (ended += endOne(emulatorPid, of) ? 1 : 0);
  const twice = [...all, ...all].sort(() => Math.random() - 0.5);
  let sent = 0;
  const connection = async () => {
    for (let body = twice.pop(); body; body = twice.pop()) {
      await until(stack, 202, 'POST', '/api/checks/', { body, headers });
      sent++;
      if (Math.random() < 0.03) end();
    }
  };
  const sending = Promise.all(Array.from({ length: 8 }, connection));
  let isSent = false;
  sending.finally(() => (isSent = true)).catch(() => undefined);
  let waiting = 1;
  for (const deadline = started + 10 * 60_000; !isSent || waiting; ) {
    if (Date.now() > deadline) throw new Error(`${waiting} receipts still wait after ten minutes`);
    await delay(Math.random() * 400);
    // towards the end it is let be, or a slow machine would never come to it
    if (!isSent || Math.random() < 0.3) end(CONSUMER);
    if (isSent) ({ waiting } = await books());
  }
  await sending;
  const after = await books();
  const grown = (field: string): number => after[field] - before[field];
  expectSame('counted', grown('counted'), count);
  expectSame('set aside', grown('set_aside'), 0);
  expectSame('accepted', grown('accepted'), grown('counted') + grown('duplicate'));
  expectSame('lost', after.lost, 0);
  if (grown('duplicate') < sent - count) throw new Error(`${grown('duplicate')} repeats of ${sent - count} came`);

  const { body } = await until(stack, 200, 'GET', `/api/analytics/${place_id}/?interval=hour`, { headers });
  const sum = (some: number[]) => money(some.reduce((total, n) => total + n, 0));
  const numbers = all.map((_, n) => n);
  expectSame('purchases', body.total_purchases, count);
  expectSame('amount', body.total_amount, sum(numbers));
  expectSame('taxes', body.taxes_amount, { total_nds: money(count), total_tips: money(count * 10) });
  for (const [k, category] of CATEGORIES.entries()) {
    expectSame(category, body.category_analytics[category].total_spent, sum(numbers.filter((n) => n % 3 === k)));
  }

  const { body: run } = await until(stack, 202, 'POST', '/api/analytics/runs/', { body: {}, headers });
  const runs = async () => (await until(stack, 200, 'GET', '/api/analytics/runs/', { headers })).body.results;
  let closing = run;
  for (const deadline = Date.now() + 5 * 60_000; !closing.finished_at; await delay(200)) {
    if (Date.now() > deadline) throw new Error('the closing did not end within five minutes');
    closing = (await runs()).find(({ id }: { id: string }) => id === run.id);
  }
  expectSame('closing', [closing.status, closing.differences, closing.missing], ['done', 0, 0]);
  const { hours, balanced } = await books();
  const closed = hours.filter(({ hour }: { hour: string }) => hour.startsWith(day));
  const journaled = closed.reduce((total: number, { purchases }: { purchases: number }) => total + purchases, 0);
  expectSame('receipts in the journal', [closed.length, journaled, balanced], [HOURS, count, true]);
  const seconds = Math.round((Date.now() - started) / 1_000);
  return `${count} receipts sent ${sent} times, ${ended} processes killed: each counted once, every sum exact, after ${seconds} s`;
}
