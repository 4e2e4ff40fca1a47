import { randomUUID } from 'node:crypto';
import type { Deployed } from '../support/deployed';
import { eventually } from '../support/processes';

const money = (cents: number): string => (cents / 100).toFixed(2);

/** Sends so many receipts of a place of its own, each twice at 8 connections in random order, and holds what they come to. */
export async function expectCountedOnce(stack: Deployed, count: number): Promise<void> {
  const { http } = stack;
  const headers = await stack.admin();
  const place = `place-${randomUUID()}`;
  const all = Array.from({ length: count }, (_, n) => ({
    transaction_id: randomUUID(),
    timestamp: `2026-01-3${n % 2}T1${n % 5}:00:00Z`,
    items: [{ product_id: 'p', quantity: 1, price: money(n), category: n % 2 ? 'food' : 'toys' }],
    total_amount: money(n),
    nds_amount: '0.01',
    tips_amount: '0.10',
    payment_method: 'cash',
    place_id: place,
    place_name: 'Market Square 1',
  }));
  const twice = [...all, ...all].sort(() => Math.random() - 0.5);
  const before = (await http('GET', '/api/analytics/books/', { headers })).body;
  const connection = async () => {
    for (let body = twice.pop(); body; body = twice.pop()) {
      expect((await http('POST', '/api/checks/', { body, headers })).status).toBe(202);
    }
  };
  await Promise.all(Array.from({ length: 8 }, connection));
  await eventually(
    'nothing waits',
    async () => (await http('GET', '/api/analytics/books/', { headers })).body.waiting === 0,
    90_000,
  );
  const books = (await http('GET', '/api/analytics/books/', { headers })).body;
  // others may send receipts meanwhile: that none of these counts twice, the place's own sums show
  const grown = (field: string): number => books[field] - before[field];
  for (const field of ['accepted', 'announced']) expect(grown(field)).toBeGreaterThanOrEqual(2 * count);
  for (const field of ['counted', 'duplicate']) expect(grown(field)).toBeGreaterThanOrEqual(count);
  expect(books.lost).toBe(0);
  const { status, body } = await http('GET', `/api/analytics/${place}/?interval=hour`, { headers });
  expect(status).toBe(200);
  const cents = (count * (count - 1)) / 2;
  expect(body).toMatchObject({
    total_purchases: count,
    total_amount: money(cents),
    average_receipt: money(Math.floor(cents / count + 0.5)),
    taxes_amount: { total_nds: money(count), total_tips: money(count * 10) },
  });
  expect(body.intervals).toHaveLength(10);
  const listed = await http('GET', '/api/checks/?limit=1', { headers });
  expect(listed.body.results).toHaveLength(1);
}
