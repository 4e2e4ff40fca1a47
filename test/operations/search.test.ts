import { randomUUID } from 'node:crypto';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { messageId } from '../../lambdas/mailings/ledger';
import { type Caller, makeCallers } from '../contracts/callers';
import { messageTo, ORDERS, PROCESS, SEND, TASKS } from '../orders/shop';
import { receipt } from '../receipts/shop';
import { ORDER } from '../support/example-order';
import { setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import { AT, setAsideProfile } from './desk';

let p: Platform;
let operator: Caller;
let admin: Caller;
beforeAll(async () => {
  p = await platform('operations', 'orders', 'receipts', 'profiles', 'mailings', 'catalogue', 'identity');
  const known = await makeCallers(p);
  operator = known.get('operator') as Caller;
  admin = known.get('admin') as Caller;
});
afterAll(() => p.close());
afterEach(() => setFault(undefined));

async function make(context: string, path: string, body: object, caller = operator) {
  const answer = await p.api('POST', path, { body }, caller, context);
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const search = async (q: string, caller = operator) =>
  (await p.api('GET', `/api/ops/search/?q=${encodeURIComponent(q)}`, {}, caller)).body;

/** The one thing that an id leads to. */
async function found(q: string, caller = operator) {
  const { results, unanswered } = await search(q, caller);
  expect([results.length, unanswered]).toEqual([1, []]);
  return results[0];
}

const put = (context: string, Item: object, variable = 'TABLE_NAME') =>
  documents.send(new PutCommand({ TableName: p.named(`${context}/Api`).environment[variable], Item }));

const FAR = { start_at: '2099-01-07T06:00:00.000Z', end_at: '2099-01-07T18:00:00.000Z' };

test('an order is found by its uuid, its made key and its own key, with why it is not done yet', async () => {
  const own = `own-${randomUUID()}`;
  const { uuid } = await make('orders', ORDERS, { ...ORDER, order_key: own });
  const made = await make('orders', ORDERS, ORDER);
  expect(await found(uuid)).toEqual({
    context: 'orders',
    entity: 'order',
    id: uuid,
    title: own,
    state: 'pending',
    waiting_for: 'its task has not been taken from the queue yet',
    link: `${ORDERS}${uuid}/`,
  });
  expect((await found(own)).id).toBe(uuid);
  expect((await found(made.order_key)).id).toBe(made.uuid);
  await p.settle(async () => (await found(uuid)).state === 'confirmed');
  expect((await found(uuid)).waiting_for).toBeNull();
});

test('a task is found in each of its states, a delivery by its webhook-id', async () => {
  const { task_id } = await make('orders', SEND, messageTo('http://127.0.0.1:9/'));
  expect(await found(task_id)).toMatchObject({ entity: 'task', state: 'PENDING', waiting_for: 'it is in the queue' });
  await p.api('POST', `${TASKS}${task_id}/revoke/`, {}, operator, 'orders');
  expect((await found(task_id)).waiting_for).toMatch(/revoked, until an operator/);
  const done = await make('orders', PROCESS, messageTo('http://127.0.0.1:9/'));
  expect(await found(done.task_id)).toMatchObject({ state: 'SUCCESS', waiting_for: null });
  expect(await found(`msg_${done.task_id}`)).toMatchObject({
    entity: 'delivery',
    state: 'pending',
    waiting_for: expect.stringMatching(/tries failed, the next is at/),
  });
});

test('a receipt and its place are found by the ids that shops gave them', async () => {
  const transaction_id = `till 7/${randomUUID()}`.replace(/[ /]/g, '-');
  const place_id = `place-${randomUUID()}`;
  await make('receipts', '/api/add_checks/', receipt({ transaction_id, place_id }));
  expect(await found(transaction_id)).toMatchObject({ entity: 'receipt', state: 'counted', waiting_for: null });
  expect(await found(place_id)).toMatchObject({ entity: 'place', title: 'Market Square 1' });
});

test('a client is found by id and phone, a mailing and its message by their ids', async () => {
  const client = await make('mailings', '/api/clients/', { phone_number: '79005550011', tag: 'search' });
  expect((await found(client.id)).entity).toBe('client');
  expect((await found('+79005550011')).link).toBe(`/api/clients/${client.id}/`);
  const mailing = await make('mailings', '/api/mailings/', { text: 'Hello', ...FAR, filter: { tag: 'search' } });
  expect(await found(mailing.id)).toMatchObject({ state: 'scheduled', waiting_for: `it starts at ${FAR.start_at}` });
  const id = messageId(mailing.id, client.id);
  expect((await search(id)).results).toEqual([]);
  const message = { id, mailing: mailing.id, client: client.id, phone_number: '79005550011', timezone: 'UTC' };
  const kept = { status: 'error', at: AT, attempts: 3, created_at: AT, last_error: 'refused' };
  await put('Mailings', { pk: `CLIENT#${client.id}`, sk: `MESSAGE#${mailing.id}`, ...message, ...kept });
  expect(await found(id)).toMatchObject({
    entity: 'message',
    state: 'error',
    link: `/api/mailings/${mailing.id}/messages/${id}/`,
  });
});

test('a product is found with its registration, a person by the uid of the source', async () => {
  const product = await make('catalogue', '/api/products/', { name: 'Lamp', description: 'A lamp' });
  const { results } = await search(product.id);
  expect(results).toMatchObject([
    { entity: 'product', title: 'Lamp' },
    { entity: 'registration', waiting_for: expect.stringMatching(/next try/) },
  ]);
  const uid = randomUUID();
  const record = JSON.stringify({ uid, first_name: 'Ada', last_name: 'Berg', email: 'ada.berg@example.com' });
  const times = { fetched_at: AT, created_at: AT, updated_at: AT };
  await put('Profiles', { pk: uid, sk: 'RECORD', uid, record, ...times }, 'USERS_TABLE');
  expect(await found(uid)).toMatchObject({ context: 'profiles', entity: 'user', title: 'Ada Berg' });
  const run = await make('profiles', '/api/profiles/runs/', { resource: 'users' });
  expect(await found(run.id)).toMatchObject({ entity: 'run', waiting_for: 'it is in the queue' });
});

test('dots are the id of nothing, and no way to a list', async () => {
  await make('receipts', '/api/add_checks/', receipt({ transaction_id: `dots-${randomUUID()}` }));
  for (const q of ['.', '..']) expect(await search(q)).toEqual({ q, results: [], unanswered: [] });
});

test('a dead letter is found by its id at the desk', async () => {
  const id = `profile.${await setAsideProfile(p)}`;
  expect(await found(id)).toMatchObject({
    entity: 'dead letter',
    state: 'open',
    waiting_for: 'until an operator puts it back or throws it away',
  });
});

test('nobody finds what they may not see: users and keys are for admins; a key pasted whole is cut', async () => {
  const made = await make('identity', '/api/api-keys/', { name: 'till 4', roles: ['analyst'] }, admin);
  const { q, results } = await search(made.key, admin);
  expect(q).toBe(`mk_${made.prefix}`);
  expect(results).toMatchObject([{ entity: 'API key', id: made.prefix, title: 'till 4' }]);
  expect((await found(made.prefix, admin)).link).toBe(`/api/api-keys/${made.prefix}/`);
  expect((await search(made.prefix)).results).toEqual([]);
  const registration = { username: `search-${randomUUID().slice(0, 8)}`, password: 'correct horse battery' };
  const { user } = (await p.api('POST', '/api/auth/registration/', { body: registration }, undefined, 'identity')).body;
  expect(await found(user.uuid, admin)).toMatchObject({ entity: 'user', state: 'active' });
  expect((await search(user.uuid)).results).toEqual([]);
});

test('nothing is found of what is nothing; a context that fails is named, and hides none of the others', async () => {
  expect(await search(randomUUID())).toMatchObject({ results: [], unanswered: [] });
  const { uuid } = await make('orders', ORDERS, ORDER);
  setFault(({ entry }) => (entry === 'mailings/api' ? new Error('no table') : undefined));
  const { results, unanswered } = await search(uuid);
  expect([results.length, unanswered]).toEqual([1, ['mailings']]);
});
