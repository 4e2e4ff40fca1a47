import { randomUUID } from 'node:crypto';
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
