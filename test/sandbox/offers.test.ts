import type { APIGatewayProxyResult } from 'aws-lambda';
import { offersAt } from '../../lambdas/sandbox/offers';
import { proxyEvent } from '../support/gateway';
import { type Platform, platform } from '../support/platform';

let p: Platform;
beforeAll(async () => {
  p = await platform('catalogue');
});
afterAll(() => p.close());

async function call(method: string, path: string, bearer?: string, body?: object) {
  const event = proxyEvent({
    method,
    path: `/sandbox/offers/api/v1${path}`,
    headers: { 'content-type': 'application/json', ...(bearer !== undefined && { Bearer: bearer }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const { statusCode, body: text } = await p.run<APIGatewayProxyResult>('Sandbox/Offers', event);
  return { status: statusCode, body: text ? JSON.parse(text) : undefined };
}

test('it keeps to the service’s contract: one token at a time, products registered once, offers for those alone', async () => {
  expect((await call('POST', '/auth')).status).toBe(401);
  const answers = await Promise.all(Array.from({ length: 5 }, () => call('POST', '/auth', 'refresh')));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400, 400]);
  const token: string = answers.find(({ status }) => status === 201)?.body.access_token;

  const product = { id: crypto.randomUUID(), name: 'Oak table', description: 'Seats six.' };
  const offers = `/products/${product.id}/offers`;
  expect((await call('POST', '/products/register', 'other', product)).status).toBe(401);
  expect((await call('GET', offers, token)).status).toBe(404);
  expect(await call('POST', '/products/register', token, product)).toEqual({ status: 201, body: { id: product.id } });
  expect((await call('POST', '/products/register', token, product)).status).toBe(409);
  expect((await call('POST', '/products/register', token, { id: 'x' })).status).toBe(422);
  expect((await call('GET', '/products/x/offers', token)).status).toBe(422);
  expect((await call('GET', offers)).status).toBe(401);
  const { status, body } = await call('GET', offers, token);
  expect(status).toBe(200);
  for (const offer of body) {
    expect(offer).toEqual({ id: expect.any(String), price: expect.any(Number), items_in_stock: expect.any(Number) });
  }
});

test('prices move, offers vanish, appear and come back, each at any minute the same', () => {
  const product = '0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55';
  const day = Array.from({ length: 24 * 60 }, (_, minute) => offersAt(product, minute));
  expect(offersAt(product, 700)).toEqual(day[700]);
  const ids = [...new Set(day.flat().map(({ id }) => id))];
  const seen = (id: string) => day.map((offers) => offers.some((offer) => offer.id === id));
  const changes = (flags: boolean[]) => flags.filter((flag, minute) => minute > 0 && flag !== flags[minute - 1]).length;
  expect(ids.length).toBeGreaterThan(3);
  expect(Math.max(...ids.map((id) => changes(seen(id))))).toBeGreaterThanOrEqual(3);
  const prices = day.map((offers) => JSON.stringify(offers.map(({ id, price }) => [id, price])));
  const moved = prices.filter((text, minute) => minute > 0 && text !== prices[minute - 1]).length;
  expect(moved).toBeGreaterThan(24 * 60 * 0.1);
  expect(moved).toBeLessThan(24 * 60);
});
