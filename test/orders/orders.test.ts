import { randomUUID } from 'node:crypto';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { ORDER } from '../support/example-order';
import { type Fault, setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { DELIVERIES, ORDERS, place, read } from './shop';

let on: Platform;
let owner: Caller;
let stranger: Caller;
let operator: Caller;
beforeAll(async () => {
  on = await platform('orders');
  [owner, stranger, operator] = await Promise.all([on.callers.user(), on.callers.user(), on.callers.user('operator')]);
});
afterAll(() => on.close());

describe('placing', () => {
  test('the example gives a pending order with its task, sums exact, its key made', async () => {
    const { status, headers, body } = await on.api('POST', ORDERS, { body: ORDER }, owner);
    expect(status).toBe(201);
    expect(headers['location']).toBe(`${ORDERS}${body.uuid}/`);
    expect(body).toEqual({
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      user: owner.id,
      address: 'Ariana Nkhilet',
      phone_number: '+21658741196',
      items: [
        { item_name: 'item1', price: '20.00', quantity: 1 },
        { item_name: 'item2', price: '30.00', quantity: 1 },
      ],
      total_paid: '50.00',
      currency: 'TND',
      total_mismatch: false,
      order_key: `ok-${body.uuid}`,
      status: 'pending',
      sequence: 0,
      task_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      created_at: expect.stringMatching(/Z$/),
      updated_at: body.created_at,
    });
    expect(await read(on, owner, `${ORDERS}${body.uuid}`)).toEqual(body);
  });

  test('a sum that differs from what was paid is flagged, to the ten-thousandth', async () => {
    const items = [{ item_name: 'nut', price: '0.3333', quantity: 3 }];
    expect(await place(on, owner, { ...ORDER, items, total_paid: '1.00' })).toMatchObject({ total_mismatch: true });
    const exact = [{ item_name: 'nut', price: '0.1', quantity: 3 }];
    expect(await place(on, owner, { ...ORDER, items: exact, total_paid: 0.3 })).toMatchObject({
      total_mismatch: false,
      total_paid: '0.30',
    });
  });

  test.each([
    { change: { address: '' }, fields: 'address' },
    { change: { address: 'a\u0000b' }, fields: 'address' },
    { change: { phone_number: '+0123' }, fields: 'phone_number' },
    { change: { phone_number: 'call me' }, fields: 'phone_number' },
    { change: { items: [] }, fields: 'items' },
    { change: { items: Array.from({ length: 201 }, () => ORDER.items[0]) }, fields: 'items' },
    { change: { items: [{ item_name: 'x', price: -1, quantity: 0 }] }, fields: 'items.0.price items.0.quantity' },
    { change: { items: [{ item_name: 'x', price: 1e21, quantity: 1.5 }] }, fields: 'items.0.price items.0.quantity' },
    { change: { total_paid: '1.999', currency: 'XXQ' }, fields: 'total_paid currency' },
    { change: { order_key: 'ok-mine' }, fields: 'order_key' },
    { change: { order_key: 'two\nlines' }, fields: 'order_key' },
  ])('what is not valid is refused by name: $fields', async ({ change, fields }) => {
    const { status, body } = await on.api('POST', ORDERS, { body: { ...ORDER, ...change } }, owner);
    expect(status).toBe(422);
    expect(body.errors.map(({ path }: { path: string }) => path).join(' ')).toBe(fields);
  });

  test("an order_key of one's own is unique until its order is deleted", async () => {
    const order_key = `mine ${randomUUID()}`;
    const first = await place(on, owner, { ...ORDER, order_key });
    expect(first.order_key).toBe(order_key);
    const again = () => on.api('POST', ORDERS, { body: { ...ORDER, order_key } }, stranger);
    expect((await again()).status).toBe(409);
    expect((await on.api('DELETE', `${ORDERS}${first.uuid}`, {}, owner)).status).toBe(204);
    expect((await again()).status).toBe(201);
  });

  test('ten at once with one Idempotency-Key are one order and ten equal answers', async () => {
    const caller = await on.callers.user();
    const send = (body: object) => on.api('POST', ORDERS, { body, headers: { 'idempotency-key': 'once' } }, caller);
    const answers = await Promise.all(Array.from({ length: 10 }, () => send({ ...ORDER, order_key: 'same' })));
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect((await read(on, caller, ORDERS)).results).toHaveLength(1);
    expect((await send(ORDER)).status).toBe(422);
  });

  test('fifty at once are fifty orders with keys of their own, all confirmed', async () => {
    const caller = await on.callers.user();
    const orders = await Promise.all(Array.from({ length: 50 }, () => place(on, caller)));
    expect(new Set(orders.map(({ order_key }) => order_key)).size).toBe(50);
    const confirmed = async () =>
      (await read(on, caller, `${ORDERS}?status=confirmed&limit=200`)).results.length === 50;
    await on.settle(confirmed);
    const { results } = await read(on, caller, `${ORDERS}?limit=200`);
    expect(results.map(({ sequence }: { sequence: number }) => sequence)).toEqual(Array(50).fill(1));
  }, 60_000);
});

describe('a table that is throttled', () => {
  afterEach(() => setFault(undefined));

  const throttled = (times: number): Fault => {
    let left = times;
    return ({ command }) =>
      command === 'TransactWriteItemsCommand' && left-- > 0
        ? new TransactionCanceledException({
            message: 'cancelled',
            $metadata: {},
            CancellationReasons: [{ Code: 'None' }, { Code: 'ThrottlingError' }],
          })
        : undefined;
  };

  test('is asked again', async () => {
    setFault(throttled(3));
    await place(on, owner);
  });

  test('is no failure of ours, but one to come back after', async () => {
    setFault(throttled(100));
    const { status, headers } = await on.api('POST', ORDERS, { body: ORDER }, owner);
    expect([status, headers['retry-after']]).toEqual([503, '1']);
  });
});

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

describe('changing', () => {
  test('the owner changes contents; who, when and which stay', async () => {
    const order = await place(on, owner);
    const patched = await on.api('PATCH', `${ORDERS}${order.uuid}`, { body: { total_paid: '49.5' } }, owner);
    expect(patched.body).toEqual({
      ...order,
      total_paid: '49.50',
      total_mismatch: true,
      updated_at: patched.body.updated_at,
    });
    const body = {
      ...order,
      address: 'Tunis',
      user: stranger.id,
      uuid: randomUUID(),
      created_at: '2001-01-01T00:00:00Z',
    };
    const replaced = await on.api('PUT', `${ORDERS}${order.uuid}`, { body }, owner);
    expect(replaced.body).toEqual({ ...order, address: 'Tunis', updated_at: replaced.body.updated_at });
    expect(await read(on, owner, `${ORDERS}${order.uuid}`)).toEqual(replaced.body);
  });

  test.each([
    ['PATCH', { order_key: 'another' }, 'order_key'],
    ['PATCH', { user: randomUUID() }, 'user'],
    ['PATCH', { total_payed: 1 }, 'total_payed'],
    ['PATCH', { items: [] }, 'items'],
    ['PUT', { address: 'only' }, 'phone_number items total_paid currency'],
  ])('%s %j is refused', async (method, body, fields) => {
    const { uuid } = await place(on, owner);
    const answer = await on.api(method, `${ORDERS}${uuid}`, { body }, owner);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ path }: { path: string }) => path).join(' ')).toBe(fields);
  });

  test('a lost update is refused with If-Match, and of two at once without it neither is lost', async () => {
    const { uuid } = await place(on, owner);
    const path = `${ORDERS}${uuid}/`;
    const { etag = '' } = (await on.api('GET', path, {}, owner)).headers;
    const change = (body: object, headers = {}) => on.api('PATCH', path, { body, headers }, owner);
    expect((await change({ address: 'A' }, { 'if-match': etag })).status).toBe(200);
    for (const method of ['PATCH', 'DELETE']) {
      const stale = await on.api(method, path, { body: { address: 'B' }, headers: { 'if-match': etag } }, owner);
      expect(stale.status).toBe(412);
    }
    await Promise.all([change({ address: 'C' }), change({ phone_number: '123456' }), change({ currency: 'EUR' })]);
    expect(await read(on, owner, path)).toMatchObject({ address: 'C', phone_number: '123456', currency: 'EUR' });
  });

  test('an owner cancels and no more; an operator sets any status, each with the next number', async () => {
    const { uuid } = await place(on, owner);
    const set = async (status: string, caller: Caller) => {
      const answer = await on.api('PATCH', `${ORDERS}${uuid}`, { body: { status } }, caller);
      return [answer.status, answer.body.sequence];
    };
    expect(await set('confirmed', owner)).toEqual([403, undefined]);
    expect(await set('pending', owner)).toEqual([200, 0]);
    expect(await set('cancelled', owner)).toEqual([200, 1]);
    expect(await set('pending', owner)).toEqual([403, undefined]);
    expect(await set('pending', operator)).toEqual([200, 2]);
    expect(await set('confirmed', operator)).toEqual([200, 3]);
    const { events, waiting_for } = await read(on, owner, `${ORDERS}${uuid}/timeline/`);
    const changes = events.filter(({ event }: { event: string }) => event === 'status');
    expect(changes.map(({ detail }: { detail: object }) => detail)).toMatchObject([
      { status: 'cancelled', sequence: 1, by: owner.id },
      { status: 'pending', sequence: 2, by: operator.id },
      { status: 'confirmed', sequence: 3, by: operator.id },
    ]);
    expect(waiting_for).toBeNull();
  });

  test('a result that comes after the cancellation changes nothing and is shown as superseded', async () => {
    const { uuid } = await place(on, owner);
    await on.api('PATCH', `${ORDERS}${uuid}`, { body: { status: 'cancelled' } }, owner);
    const timeline = () => read(on, owner, `${ORDERS}${uuid}/timeline/`);
    await on.settle(async () => (await timeline()).events.some(({ event }: { event: string }) => event === 'delivery'));
    expect(await timeline()).toMatchObject({ status: 'cancelled', sequence: 1, waiting_for: null });
    expect((await timeline()).events).toContainEqual(
      expect.objectContaining({
        event: 'superseded',
        detail: expect.objectContaining({ status: 'confirmed', sequence: 1 }),
      }),
    );
    await on.api('PATCH', `${ORDERS}${uuid}`, { body: { status: 'pending' } }, operator);
    expect((await timeline()).waiting_for).toContain('set back by hand');
  });

  test('a deleted order is gone, and its late result is told so and stops', async () => {
    const { uuid, task_id } = await place(on, owner);
    expect((await on.api('DELETE', `${ORDERS}${uuid}`, {}, owner)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) {
      expect((await on.api(method, `${ORDERS}${uuid}`, {}, owner)).status).toBe(404);
    }
    const delivery = () => read(on, operator, `${DELIVERIES}msg_${task_id}/`);
    await on.settle(async () => (await delivery()).status === 'disabled');
    expect((await delivery()).attempts).toMatchObject([{ number: 1, status_code: 410 }]);
  });
});
