import * as z from 'zod';
import { commit } from '../../lambdas/kernel/commit';
import { type Deed, during } from '../../lambdas/kernel/deed';
import { newId } from '../../lambdas/kernel/id';
import { table } from '../../lambdas/kernel/table';
import { ORDERS, place, read } from '../orders/shop';
import { ORDER } from '../support/example-order';
import { calls, setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { ProcessEnded } from '../support/processes';

let on: Platform;
let operator: Caller;
beforeAll(async () => {
  on = await platform('orders', 'audit');
  operator = await on.callers.user('operator');
});
afterAll(() => on.close());
afterEach(() => setFault(undefined));

const AUDIT = '/api/audit/';
const trail = async (query = '', caller = operator) => {
  const answer = await on.api('GET', `${AUDIT}${query}`, {}, caller, 'audit');
  expect(answer.status).toBe(200);
  return answer.body;
};
const of = async (uuid: string) => (await trail(`?entity=order&entity_id=${uuid}`)).results;
const change = (uuid: string, body: object, caller: Caller, headers = {}) =>
  on.api('PATCH', `${ORDERS}${uuid}/`, { body, headers }, caller);

test('tells the life of a record: made, changed, deleted; by whom, and what it was before', async () => {
  const owner = await on.callers.user();
  const { uuid } = await place(on, owner);
  await change(uuid, { address: 'Elsewhere' }, owner);
  await change(uuid, { status: 'cancelled' }, operator);
  await on.api('DELETE', `${ORDERS}${uuid}/`, {}, operator);

  const [deleted, cancelled, moved, made, ...none] = await of(uuid);
  expect(none).toEqual([]);
  expect(made).toMatchObject({
    context: 'orders',
    operation: 'placeOrder',
    method: 'POST',
    path: ORDERS,
    who: { kind: 'user', id: owner.id, name: `u-${owner.id.slice(0, 8)}` },
    before: null,
    after: { uuid, address: ORDER.address, status: 'pending', total_paid: '50.00', user: owner.id },
  });
  expect(Object.keys(moved.before)).not.toContain('currency');
  expect(moved).toMatchObject({ before: { address: ORDER.address }, after: { address: 'Elsewhere' } });
  expect(cancelled).toMatchObject({
    operation: 'changeOrder',
    who: { id: operator.id },
    before: { status: 'pending', sequence: 0 },
    after: { status: 'cancelled', sequence: 1 },
  });
  expect(deleted).toMatchObject({ operation: 'removeOrder', before: { address: 'Elsewhere' }, after: null });
  expect((await on.api('GET', `${AUDIT}${made.id}/`, {}, operator, 'audit')).body).toEqual(made);
  expect((await on.api('GET', `${AUDIT}${newId()}/`, {}, operator, 'audit')).status).toBe(404);
});

test('is written with the change or not at all, wherever the function ends', async () => {
  const { uuid } = await place(on, operator);
  const before = (await of(uuid)).length;
  const end = (when: 'before' | 'after') => setFault(({ command }) => (/Transact/.test(command) ? when : undefined));

  end('before');
  await expect(change(uuid, { address: 'One' }, operator)).rejects.toThrow(ProcessEnded);
  setFault(undefined);
  expect((await read(on, operator, `${ORDERS}${uuid}/`)).address).toBe(ORDER.address);
  expect(await of(uuid)).toHaveLength(before);

  end('after');
  await expect(change(uuid, { address: 'Two' }, operator)).rejects.toThrow(ProcessEnded);
  setFault(undefined);
  expect((await read(on, operator, `${ORDERS}${uuid}/`)).address).toBe('Two');
  expect((await of(uuid))[0].after).toMatchObject({ address: 'Two' });
});

test('costs an order one more item in the transaction that it has anyway', async () => {
  await place(on, operator);
  // no second passes: the moved clock is not read anew
  jest.spyOn(Date, 'now').mockReturnValue(Date.now());
  setFault(() => undefined);
  await place(on, operator);
  jest.restoreAllMocks();
  expect(calls.map(({ command }) => command).filter((one) => /Put|Update|Transact|Get/.test(one))).toEqual([
    'TransactWriteItemsCommand',
  ]);
});

test('of ten changes at once each says truly what it began from', async () => {
  const { uuid } = await place(on, operator);
  const names = Array.from({ length: 10 }, (_, n) => `Street ${n}`);
  const answers = await Promise.all(names.map((address) => change(uuid, { address }, operator)));
  const done = answers.filter(({ status }) => status === 200).length;
  const [made, ...changes] = (await of(uuid)).reverse();
  expect(changes).toHaveLength(done);
  const follows = new Map(changes.map((one: { before: { address: string } }) => [one.before.address, one]));
  let address = made.after.address;
  for (let step = 0; step < done; step++)
    address = (follows.get(address) as { after: { address: string } }).after.address;
  expect(address).toBe((await read(on, operator, `${ORDERS}${uuid}/`)).address);
});

test("what the product does with an order's own key is no deed of somebody", async () => {
  const owner = await on.callers.user();
  const { uuid } = await place(on, owner);
  await on.settle(async () => (await read(on, owner, `${ORDERS}${uuid}/`)).status === 'confirmed');
  expect((await of(uuid)).map(({ operation }: { operation: string }) => operation)).toEqual(['placeOrder']);
});

describe('the list', () => {
  let one: Caller;
  let other: Caller;
  let uuid: string;
  beforeAll(async () => {
    one = await on.callers.user();
    other = await on.callers.user();
    uuid = (await place(on, one)).uuid;
    for (let n = 0; n < 3; n++) await change(uuid, { address: `Street ${n}` }, one);
    await change(uuid, { status: 'cancelled' }, operator);
    await place(on, other);
    await on.api('POST', '/api/v1/consumer/webhook-secret/rotate/', {}, operator);
  });
  const ids = async (query: string): Promise<string[]> =>
    (await trail(query)).results.map(({ id }: { id: string }) => id);

  test('is by person, record, entity, context and time, newest first, without a scan', async () => {
    setFault(() => undefined);
    expect(await ids(`?who=${one.id}`)).toHaveLength(4);
    expect(await ids(`?who=${other.id}`)).toHaveLength(1);
    expect(await ids(`?entity=order&entity_id=${uuid}`)).toHaveLength(5);
    expect(await ids(`?who=${one.id}&entity=order`)).toHaveLength(4);
    expect(await ids(`?who=${one.id}&entity=order&entity_id=${uuid}&context=orders`)).toHaveLength(4);
    expect(await ids(`?who=${one.id}&context=identity`)).toEqual([]);
    expect(await ids('?context=orders&limit=200')).toEqual(await ids('?limit=200'));
    expect(await ids('?entity=webhook_secret')).toHaveLength(1);
    const all = await ids('?limit=200');
    expect(all).toEqual([...all].sort().reverse());
    const made = calls.filter(({ entry }) => entry === 'audit/api').map(({ command }) => command);
    // the clock of a local stage is read now and then
    expect(new Set(made.filter((one) => one !== 'GetItemCommand'))).toEqual(
      new Set(['QueryCommand', 'BatchGetItemCommand']),
    );
  });

  test('is cut by time at both ends, inclusive', async () => {
    const whole = (await trail(`?entity=order&entity_id=${uuid}`)).results as { id: string; at: string }[];
    const [first, second] = [whole.at(-1), whole.at(-2)];
    const within = (from = '', to = '') =>
      ids(`?entity=order&entity_id=${uuid}&from=${from}&to=${to}`.replace(/&(from|to)=(?=&|$)/g, ''));
    expect(await within(first?.at)).toEqual(whole.map(({ id }) => id));
    expect(await within('', second?.at)).toContain(second?.id);
    expect(await within('', first?.at)).toContain(first?.id);
    expect(await within('2020-01-01', '2020-01-02')).toEqual([]);
    expect(await within('2100-01-01')).toEqual([]);
    expect(await ids(`?from=${first?.at}&who=${one.id}`)).toHaveLength(4);
  });

  test('goes on where a page ended, with filters too', async () => {
    for (const query of [
      '',
      `&who=${one.id}`,
      '&entity=order',
      `&entity=order&entity_id=${uuid}`,
      `&who=${one.id}&entity=order`,
    ]) {
      const pieces: string[] = [];
      let next: string | null = `?limit=2${query}`;
      while (next) {
        const page: { results: { id: string }[]; next: string | null } = await trail(next);
        expect(page.results.length).toBeLessThanOrEqual(2);
        pieces.push(...page.results.map(({ id }) => id));
        next = page.next?.slice(page.next.indexOf('?')) ?? null;
      }
      expect(pieces).toEqual(await ids(`?limit=200${query}`));
    }
  });

  test('asks for an entity with an entity_id', async () => {
    const answer = await on.api('GET', `${AUDIT}?entity_id=${uuid}`, {}, operator, 'audit');
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toBe('entity_id');
  });
});

describe('a deed', () => {
  const things = table();
  const deed = (params: Record<string, string> = {}): Deed => ({
    who: { kind: 'system', id: 'system', name: 'a test' },
    operation: 'test',
    method: 'POST',
    path: '/',
    request_id: 'r-1',
    params,
    entity: ['thing', 'name'],
    shows: new Set(['name', 'text', 'count', 'list', 'secret', 'password_hash']),
  });
  const entryOf = async (name: string) => (await trail(`?entity=thing&entity_id=${name}`)).results[0];
  beforeAll(() => {
    const { environment } = on.named('Orders/Api');
    for (const name of ['TABLE_NAME', 'AUDIT_TABLE', 'CONTEXT']) process.env[name] = environment[name];
  });

  test('tells every kind of change that a write can be, reading what was not read', async () => {
    const key = { pk: `THING#${newId()}`, sk: 'THING' };
    const name = newId();
    await commit({ writes: [things.put({ ...key, name, count: 1, text: 'a', hidden: 1 })] });
    await during(deed(), () =>
      commit({
        writes: [
          things.update(key, {
            set: { text: undefined, hidden: 2 },
            add: { count: 2 },
            append: { list: ['x'] },
            setOnce: { name: 'never' },
          }),
        ],
      }),
    );
    expect(await entryOf(name)).toMatchObject({
      before: { text: 'a', count: 1 },
      after: { count: 3, list: ['x'] },
      withheld: [],
    });
    const stored = await things.find(z.object({ count: z.number(), list: z.array(z.string()) }), key);
    expect(stored).toEqual({ count: 3, list: ['x'] });
    await during(deed(), () => commit({ writes: [things.delete(key)] }));
    expect(await entryOf(name)).toMatchObject({ before: { name, count: 3 }, after: null });
  });

  test('cuts what is long, and never tells a secret, even one that a contract shows', async () => {
    const key = { pk: `THING#${newId()}`, sk: 'THING' };
    const item = { ...key, text: 'x'.repeat(50_000), secret: 'canary', password_hash: 'canary', list: ['short'] };
    await during(deed(), () => commit({ writes: [things.put(item, { exists: false })] }));
    const entry = await entryOf(key.pk.slice('THING#'.length));
    expect(entry.after.text).toMatch(/^x{500}… \(cut, 50000 characters\)$/);
    expect(entry.after.list).toEqual(['short']);
    expect(entry.withheld.sort()).toEqual(['password_hash', 'secret']);
    expect(JSON.stringify(entry)).not.toContain('canary');
  });

  test('that writes nothing, or only checks, leaves nothing', async () => {
    const key = { pk: `THING#${newId()}`, sk: 'THING' };
    await during(deed({ name: 'nothing' }), () => commit({ writes: [things.check(key, { exists: false })] }));
    expect(await entryOf('nothing')).toBeUndefined();
  });

  test('is given up after the days that the deployer set', async () => {
    process.env['AUDIT_DAYS'] = '30';
    const key = { pk: `THING#${newId()}`, sk: 'THING' };
    await during(deed({ name: 'for-a-month' }), () => commit({ writes: [things.put(key)] }));
    delete process.env['AUDIT_DAYS'];
    const { items } = await table('AUDIT_TABLE').query(z.object({ expires_at: z.number() }), {
      partition: 'thing#for-a-month',
    });
    const days = ((items[0]?.expires_at ?? 0) - Date.now() / 1_000) / 86_400;
    expect(Math.round(days)).toBe(30);
  });
});
