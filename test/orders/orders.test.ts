import { randomUUID } from 'node:crypto';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { ORDER } from '../support/example-order';
import { type Fault, setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { ORDERS, place, read } from './shop';

let on: Platform;
let owner: Caller;
let stranger: Caller;
beforeAll(async () => {
  on = await platform('orders');
  [owner, stranger] = await Promise.all([on.callers.user(), on.callers.user()]);
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
