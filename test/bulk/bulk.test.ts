import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyResult } from 'aws-lambda';
import { ENTITIES } from '../../lambdas/bulk/actions';
import { CONTEXTS } from '../../lambdas/console/contracts';
import type { Operation } from '../../lambdas/kernel/contract';
import { delegate, delegatedBy } from '../../lambdas/kernel/delegation';
import { messageTo, ORDERS, place, queued, read, TASKS } from '../orders/shop';
import { calls, setFault } from '../support/faults';
import { proxyEvent } from '../support/gateway';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { ProcessEnded } from '../support/processes';

const BULK = '/api/ops/bulk/';
let on: Platform;
let operator: Caller;
beforeAll(async () => {
  on = await platform('orders', 'bulk', 'audit');
  operator = await on.callers.user('operator');
});
afterAll(() => on.close());
afterEach(() => {
  setFault(undefined);
  jest.restoreAllMocks();
});

const { now } = Date;
/** As if so much time had passed at once. */
const jump = (ms: number) => jest.spyOn(Date, 'now').mockImplementation(() => now() + ms);

/** A list that never ends, of ids so long; each page is told. */
async function endless(length: number, onPage: (number: number) => void = () => undefined) {
  let pages = 0;
  const server = createServer((_, response) => {
    onPage(++pages);
    const results = Array.from({ length: 200 }, (_, n) => ({ id: `${pages}-${n}-`.padEnd(length, 'x') }));
    response.end(JSON.stringify({ results, next: '/api/ops/dead-letters/?cursor=x' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

const ask = (body: object, caller: Pick<Caller, 'headers'> = operator, headers = {}) =>
  on.api('POST', BULK, { body, headers }, caller, 'bulk');
const bulks = async (path = '') => (await on.api('GET', `${BULK}${path}`, {}, operator, 'bulk')).body;
const progress = (id: string) => bulks(`${id}/`);
const trail = async (query: string) =>
  (await on.api('GET', `/api/audit/?limit=200&${query}`, {}, operator, 'audit')).body.results;
const ordersOf = async (count: number): Promise<{ owner: Caller; uuids: string[] }> => {
  const owner = await on.callers.user();
  const uuids: string[] = [];
  for (let n = 0; n < count; n++) uuids.push((await place(on, owner)).uuid);
  return { owner, uuids };
};

const operations = CONTEXTS.flatMap(({ contract }) => Object.values<Operation>(contract));
const same = (path: string) => path.replace(/\{\w+\}/g, '{id}');

test('every action is an operation of a context, with its body; every entity has its list and all its filters', () => {
  for (const [entity, { list, id, filters, actions }] of Object.entries(ENTITIES)) {
    const listing = operations.find(({ method, path }) => method === 'GET' && path === list);
    const shape = (listing?.returns as unknown as { shape: { results: { element: { shape: object } } } })?.shape;
    expect([entity, Object.keys(shape?.results.element.shape ?? {})]).toEqual([entity, expect.arrayContaining([id])]);
    const asked = Object.keys((listing?.query as unknown as { shape?: object } | undefined)?.shape ?? {});
    expect([entity, ...filters, 'cursor', 'limit'].sort()).toEqual([entity, ...asked].sort());
    for (const [name, { method, path, body }] of Object.entries(actions)) {
      const found = operations.find((one) => one.method === method && same(one.path) === path);
      expect([entity, name, found?.method]).toEqual([entity, name, method]);
      expect(found?.changes?.[0]).toBe(entity);
      if (body) expect(found?.body?.safeParse(body).success).toBe(true);
    }
  }
});

test('is tried first, then done in pieces, each thing and the whole told in the audit trail', async () => {
  const { owner, uuids } = await ordersOf(51);
  const what = { entity: 'order', action: 'cancel', filter: { user: owner.id } };
  const dry = await ask({ ...what, dry_run: true });
  expect(dry).toMatchObject({ status: 200, body: { id: null, status: 'dry_run', number: 51, more: false } });
  expect(dry.body.sample).toEqual([...uuids].reverse().slice(0, 10));
  expect((await read(on, owner, `${ORDERS}${uuids[0]}/`)).status).toBe('pending');

  const headers = { 'idempotency-key': 'once' };
  const { status, body } = await ask(what, operator, headers);
  expect([status, body.number]).toEqual([202, 51]);
  expect((await ask(what, operator, headers)).body).toEqual(body);
  await on.settle(async () => (await progress(body.id)).status === 'finished');
  expect(await progress(body.id)).toMatchObject({ done: 51, refused: 0, refusals: [], by: { id: operator.id } });
  expect(await progress(body.id)).not.toHaveProperty('by.roles');
  for (const uuid of uuids) expect((await read(on, owner, `${ORDERS}${uuid}/`)).status).toBe('cancelled');

  const entries = (await trail(`who=${operator.id}`)).filter((one: { bulk_id: string }) => one.bulk_id === body.id);
  expect(entries.map((one: { entity_id: string }) => one.entity_id).sort()).toEqual([...uuids].sort());
  expect(entries[0]).toMatchObject({ operation: 'changeOrder', who: { kind: 'user', id: operator.id } });
  const whole = await trail(`entity=bulk_action&entity_id=${body.id}`);
  expect(whole).toMatchObject([{ operation: 'startBulkAction', after: { number: 51, action: 'cancel' } }]);
  expect((await bulks()).results[0].id).toBe(body.id);
});

test('says what was refused and why, and goes on with the others', async () => {
  const { body: task } = await on.api('POST', TASKS, { body: messageTo('http://127.0.0.1:9/') }, operator);
  const { task_id } = task;
  const { body } = await ask({ entity: 'task', action: 'retry', ids: [task_id, 'no-such-task'] });
  await on.settle(async () => (await progress(body.id)).status === 'finished');
  const { done, refused, refusals } = await progress(body.id);
  expect([done, refused]).toEqual([0, 2]);
  expect(refusals).toEqual(
    expect.arrayContaining([
      { id: task_id, reason: expect.stringMatching(/^a task that is \w+ cannot be retried$/) },
      { id: 'no-such-task', reason: expect.stringMatching(/not|no /) },
    ]),
  );
});

test('a piece that comes again counts once; one of no action does nothing', async () => {
  const { uuids } = await ordersOf(1);
  const { body } = await ask({ entity: 'order', action: 'delete', ids: uuids });
  const event = queued({ bulk: body.id, piece: 0, ids: uuids });
  await on.run('Bulk/Pieces/Function', event);
  await on.run('Bulk/Pieces/Function', event);
  await on.settle();
  expect(await progress(body.id)).toMatchObject({ status: 'finished', done: 1, refused: 0 });
  const none = queued({ bulk: crypto.randomUUID(), piece: 0, ids: uuids });
  expect(await on.run('Bulk/Pieces/Function', none)).toEqual({ batchItemFailures: [] });
});

test('while a context does not answer, its things wait; in the end they count as refused', async () => {
  const { uuids } = await ordersOf(1);
  const { body } = await ask({ entity: 'order', action: 'cancel', ids: uuids });
  const nobody = { API_URL: 'http://127.0.0.1:9' };
  const first = await on.run('Bulk/Pieces/Function', queued({ bulk: body.id, piece: 0, ids: uuids }), nobody);
  expect(first).toMatchObject({ batchItemFailures: [expect.anything()] });
  expect((await progress(body.id)).status).toBe('running');
  await on.run('Bulk/Pieces/Function', queued({ bulk: body.id, piece: 0, ids: uuids }, 5), nobody);
  expect(await progress(body.id)).toMatchObject({ status: 'finished', refusals: [{ reason: 'no answer' }] });
});

test('what was done of a piece that comes again is done, and not asked for again', async () => {
  const { uuids } = await ordersOf(3);
  const { body } = await ask({ entity: 'order', action: 'delete', ids: uuids });
  const event = queued({ bulk: body.id, piece: 0, ids: uuids });
  const secondOf = () => {
    let writes = 0;
    return (command: string) => /^Transact/.test(command) && ++writes === 2;
  };
  const isSecond = secondOf();
  setFault(({ entry, command }) => (entry === 'orders/api' && isSecond(command) ? new Error('no table') : undefined));
  expect(await on.run('Bulk/Pieces/Function', event)).toMatchObject({ batchItemFailures: [expect.anything()] });
  // what has become of the last thing is noted, not that the piece is done
  const isCounting = secondOf();
  setFault(({ entry, command }) => (entry === 'bulk/piece' && isCounting(command) ? 'before' : undefined));
  await expect(on.run('Bulk/Pieces/Function', event)).rejects.toThrow(ProcessEnded);
  expect(calls.filter(({ entry, command }) => entry === 'orders/api' && /^Transact/.test(command))).toHaveLength(1);
  setFault(undefined);
  await on.run('Bulk/Pieces/Function', event);
  expect(await progress(body.id)).toMatchObject({ status: 'finished', done: 3, refused: 0 });
  await on.settle();
});

test('a piece for which time is up goes on where it stopped', async () => {
  const { uuids } = await ordersOf(6);
  const { body } = await ask({ entity: 'order', action: 'cancel', ids: uuids });
  const event = queued({ bulk: body.id, piece: 0, ids: uuids });
  setFault(({ entry }) => void (entry === 'orders/api' && jump(50_000)));
  expect(await on.run('Bulk/Pieces/Function', event)).toMatchObject({ batchItemFailures: [expect.anything()] });
  jest.restoreAllMocks();
  const isCancelled = async (uuid: string) => (await read(on, operator, `${ORDERS}${uuid}/`)).status === 'cancelled';
  const cancelled = (await Promise.all(uuids.map(isCancelled))).filter(Boolean).length;
  expect([cancelled > 0, cancelled < 6]).toEqual([true, true]);
  setFault(undefined);
  await on.run('Bulk/Pieces/Function', event);
  expect(await progress(body.id)).toMatchObject({ status: 'finished', done: 6, refused: 0 });
  await on.settle();
});

test('names the fields at fault, those of the filter by the words of its list', async () => {
  const faults = async (body: object) => {
    const answer = await ask({ entity: 'order', action: 'cancel', ...body });
    expect(answer.status).toBe(422);
    return answer.body.errors.map(({ path }: { path: string }) => path);
  };
  expect(await faults({})).toEqual(['ids']);
  expect(await faults({ ids: ['x'], filter: {} })).toEqual(['ids']);
  expect(await faults({ action: 'eat', ids: ['x'] })).toEqual(['action']);
  expect(await faults({ filter: { status: 'eaten' } })).toEqual(['filter.status']);
  const { body } = await ask({ entity: 'order', action: 'cancel', filter: { statuss: 'pending', limit: '1' } });
  expect(body.errors).toEqual([
    { path: 'filter.statuss', message: 'expected one of status, user, order_key' },
    { path: 'filter.limit', message: 'expected one of status, user, order_key' },
  ]);
  expect(await faults({ filter: { user: [] } })).toEqual([expect.stringMatching(/^filter/)]);
});

test('finds by a key what the key may see, several values of a field too; nothing is done to nothing', async () => {
  const { headers } = await on.callers.apiKey({ roles: ['operator'] });
  const key = { headers: { 'x-api-key': headers['authorization']?.replace('Api-Key ', '') ?? '' } };
  const nobody = { entity: 'order', action: 'cancel', filter: { user: [crypto.randomUUID()] } };
  expect((await ask({ ...nobody, dry_run: true }, key)).body).toMatchObject({ number: 0, sample: [] });
  const { body } = await ask(nobody, key);
  expect(await progress(body.id)).toMatchObject({ status: 'finished', number: 0, done: 0 });
});

test('says when a list does not answer, and starts nothing', async () => {
  const body = JSON.stringify({ entity: 'order', action: 'cancel', filter: {} });
  const headers = { ...operator.headers, 'content-type': 'application/json' };
  const event = proxyEvent({ method: 'POST', path: BULK, headers, body });
  const before = (await bulks()).results.length;
  const server = createServer((_, response) => response.end('{"results": ['));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const garbage = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const API_URL of ['http://127.0.0.1:9', garbage]) {
    const reply = await on.run<APIGatewayProxyResult>('Bulk/Api', event, { API_URL });
    expect(reply.statusCode).toBe(503);
  }
  server.close();
  expect((await bulks()).results).toHaveLength(before);
});

test('takes as many as can be found in time and stored at once, and says that there are more', async () => {
  const start = async (dry_run: boolean, API_URL: string) => {
    const body = JSON.stringify({ entity: 'dead_letter', action: 'discard', filter: {}, dry_run });
    const headers = { ...operator.headers, 'content-type': 'application/json' };
    const event = proxyEvent({ method: 'POST', path: BULK, headers, body });
    const { statusCode, body: text } = await on.run<APIGatewayProxyResult>('Bulk/Api', event, { API_URL });
    return { statusCode, ...JSON.parse(text) };
  };
  const slow = await endless(40, (page) => page === 3 && jump(20_000));
  expect(await start(true, slow.API_URL)).toMatchObject({ statusCode: 200, number: 600, more: true });
  jest.restoreAllMocks();
  const long = await endless(300);
  expect(await start(false, long.API_URL)).toMatchObject({ statusCode: 202, number: 1_000, more: true });
  slow.close();
  long.close();
});

test('a delegation is taken as it was given, for a while, and nowhere near users and keys', async () => {
  process.env['DELEGATION_SECRET_ARN'] = on.named('Orders/Api').environment['DELEGATION_SECRET_ARN'];
  const by = { kind: 'user' as const, id: operator.id, name: 'o', roles: ['admin' as const], scopes: [] };
  const token = await delegate(by, 'b-1');
  expect(await delegatedBy(token)).toEqual({ ...by, bulk_id: 'b-1' });
  const [text = '', mac = ''] = token.split('.');
  const forged = Buffer.from(JSON.stringify({ ...by, id: 'other', bulk_id: 'b-1', expires: 9e15 })).toString(
    'base64url',
  );
  for (const wrong of [`${forged}.${mac}`, text, `${text}.`, '', 'a.b']) {
    expect(await delegatedBy(wrong)).toBeUndefined();
  }
  jest.spyOn(Date, 'now').mockReturnValueOnce(Date.now() - 400_000);
  const over = await delegate(by, 'b-1');
  expect(await delegatedBy(over)).toBeUndefined();
  const caller = { headers: { authorization: `Delegation ${token}` } };
  expect((await on.api('GET', ORDERS, {}, caller, 'orders')).status).toBe(200);
  expect((await on.api('GET', '/api/users/', {}, caller, 'identity')).status).toBe(401);
});
