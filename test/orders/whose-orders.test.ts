import { randomUUID } from 'node:crypto';
import { ORDER } from '../support/example-order';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { ORDERS, place, read } from './shop';

let on: Platform;
let owner: Caller;
let stranger: Caller;
let operator: Caller;
beforeAll(async () => {
  on = await platform('orders');
  [owner, stranger, operator] = await Promise.all([on.callers.user(), on.callers.user(), on.callers.user('operator')]);
});
afterAll(() => on.close());

describe('who sees what', () => {
  test.each(['GET', 'PUT', 'PATCH', 'DELETE'])("%s of another's order finds nothing", async (method) => {
    const { uuid } = await place(on, owner);
    const body = method === 'PUT' ? ORDER : method === 'PATCH' ? { status: 'cancelled' } : undefined;
    const { status } = await on.api(method, `${ORDERS}${uuid}/`, { body }, stranger);
    expect(status).toBe(404);
    expect((await read(on, owner, `${ORDERS}${uuid}/`)).status).toBe('pending');
    expect((await on.api('GET', `${ORDERS}${uuid}/timeline/`, {}, stranger)).status).toBe(404);
    expect((await on.api('GET', `${ORDERS}${uuid}/timeline/`, {}, operator)).status).toBe(200);
  });

  test('a list has the own orders only, newest first, by status, in pages', async () => {
    const caller = await on.callers.user();
    const orders = [];
    for (let count = 0; count < 5; count++) orders.unshift(await place(on, caller));
    await on.api('PATCH', `${ORDERS}${orders[1].uuid}/`, { body: { status: 'cancelled' } }, caller);
    const all = await read(on, caller, `${ORDERS}?limit=3`);
    const rest = await read(on, caller, all.next);
    const uuids = [...all.results, ...rest.results].map(({ uuid }: { uuid: string }) => uuid);
    expect(uuids).toEqual(orders.map(({ uuid }) => uuid));
    expect(rest.next).toBeNull();
    const cancelled = await read(on, caller, `${ORDERS}?status=cancelled&user=${caller.id}`);
    expect(cancelled.results).toMatchObject([{ uuid: orders[1].uuid }]);
    expect((await on.api('GET', `${ORDERS}?user=${owner.id}`, {}, caller)).status).toBe(403);
  });

  test('one by its order_key, if it is of the user and status asked for', async () => {
    const order_key = `mine ${randomUUID()}`;
    const order = await place(on, owner, { ...ORDER, order_key });
    const found = async (caller: Caller, query = '') =>
      (await read(on, caller, `${ORDERS}?order_key=${encodeURIComponent(order_key)}${query}`)).results;
    for (const query of ['', '&status=pending', `&user=${owner.id}`]) {
      expect(await found(owner, query)).toEqual([order]);
      expect(await found(operator, query)).toEqual([order]);
    }
    expect(await found(owner, '&status=cancelled')).toEqual([]);
    expect(await found(operator, `&user=${stranger.id}`)).toEqual([]);
    expect(await found(stranger)).toEqual([]);
    const ofOther = await on.api('GET', `${ORDERS}?order_key=any&user=${owner.id}`, {}, stranger);
    expect(ofOther.status).toBe(403);
  });

  test("a cursor is good for its own list only, whoever's it is", async () => {
    const [one, other] = await Promise.all([on.callers.user(), on.callers.user()]);
    for (const caller of [one, one, other, other]) await place(on, caller);
    const first = (await read(on, one, `${ORDERS}?limit=1`)).next;
    expect((await on.api('GET', first, {}, one)).status).toBe(200);
    const ofAll = (await read(on, operator, `${ORDERS}?limit=1`)).next;
    for (const [next, caller] of [
      [first, other],
      [first, operator],
      [ofAll, one],
    ]) {
      const { status, body } = await on.api('GET', next, {}, caller);
      expect([status, body.errors?.[0].path]).toEqual([422, 'cursor']);
    }
  });

  test('an operator and an admin have the orders of all, by user and by status', async () => {
    const mine = await place(on, owner);
    const theirs = await place(on, stranger);
    const admin = await on.callers.user('admin');
    for (const caller of [operator, admin]) {
      const { results } = await read(on, caller, `${ORDERS}?limit=200`);
      const found = results.map(({ uuid }: { uuid: string }) => uuid);
      expect(found).toEqual(expect.arrayContaining([mine.uuid, theirs.uuid]));
      expect([...found].sort().reverse()).toEqual(found);
      const ofOne = await read(on, caller, `${ORDERS}?user=${owner.id}&limit=200`);
      expect(new Set(ofOne.results.map(({ user }: { user: string }) => user))).toEqual(new Set([owner.id]));
    }
    await on.api('PATCH', `${ORDERS}${mine.uuid}`, { body: { status: 'cancelled' } }, owner);
    const cancelled = await read(on, operator, `${ORDERS}?status=cancelled&limit=200`);
    expect(cancelled.results).toContainEqual(expect.objectContaining({ uuid: mine.uuid, status: 'cancelled' }));
    expect(cancelled.results.some(({ uuid }: { uuid: string }) => uuid === theirs.uuid)).toBe(false);
  });

  test('an API key without a role has no orders', async () => {
    const key = await on.callers.apiKey({ scopes: ['orders:status'] });
    expect((await on.api('GET', ORDERS, {}, key)).status).toBe(403);
    expect((await on.api('POST', ORDERS, { body: ORDER }, key)).status).toBe(403);
  });
});
