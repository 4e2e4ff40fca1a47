import { clientOf, type Mercato } from '../../client/client';
import type { Routes } from '../../client/operations';
import { MercatoProblem } from '../../client/problem';
import { consoleOperations } from '../../lib/console-operations';
import { type Platform, platform } from '../support/platform';

const ROUTES = consoleOperations() as unknown as Routes;

let on: Platform;
let operator: Mercato;
beforeAll(async () => {
  on = await platform('mailings');
  const { headers } = await on.callers.user('operator');
  operator = clientOf(ROUTES, `${on.gateway}/`, { authorization: async () => headers['authorization'] });
});
afterAll(() => on.close());

let phone = 79_010_000_000;
const newClient = (tag: string) => operator.addClient({ body: { phone_number: String(phone++), tag } });

test('calls operations by name: path, query and body in, the body out', async () => {
  const made = await newClient('calls');
  expect(made).toMatchObject({ tag: 'calls', timezone: 'UTC' });
  expect(await operator.getClient({ id: made.id })).toEqual(made);
  const { results } = await operator.listClients({ query: { tag: ['calls', 'other'], limit: 10 } });
  expect(results).toEqual([made]);
  expect(await operator.deleteClient({ id: made.id })).toBeUndefined();
});

test('goes through a list page by page, as far as it is wanted', async () => {
  for (let count = 0; count < 5; count++) await newClient('pages');
  const query = { tag: 'pages', limit: 2 };
  const all: string[] = [];
  for await (const { id } of operator.listClients.all({ query })) all.push(id);
  expect(new Set(all).size).toBe(5);
  const some: string[] = [];
  for await (const { id } of operator.listClients.all({ query })) if (some.push(id) === 3) break;
  expect(some).toEqual(all.slice(0, 3));
});

test('throws problems with the fields at fault', async () => {
  const refused = operator.addClient({ body: { phone_number: '123' } });
  await expect(refused).rejects.toThrow(MercatoProblem);
  await expect(refused).rejects.toMatchObject({
    status: 422,
    errors: [{ path: 'phone_number', message: expect.stringContaining('79001234567') }],
  });
  await expect(clientOf(ROUTES, on.gateway).listClients()).rejects.toMatchObject({ status: 401 });
});

test('changes only the version that was read', async () => {
  const { id } = await newClient('versions');
  const { body, etag } = await operator.getClient.reply({ id });
  expect(body.tag).toBe('versions');
  await operator.changeClient({ id, body: { tag: 'first' } }, { ifMatch: etag ?? '' });
  const late = operator.changeClient({ id, body: { tag: 'second' } }, { ifMatch: etag ?? '' });
  await expect(late).rejects.toMatchObject({ status: 412 });
});

/** A runtime whose first calls come to nothing. */
const shaky = (...answers: (Response | Error)[]): { calls: Request[]; fetch: typeof fetch } => {
  const calls: Request[] = [];
  const send = async (address: string | URL | Request, init?: RequestInit) => {
    calls.push(new Request(address, init));
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next ?? fetch(address, init);
  };
  return { calls, fetch: send as typeof fetch };
};
const busy = () => new Response('', { status: 503, headers: { 'retry-after': '0' } });

test('repeats what may be repeated, under one key, and nothing else', async () => {
  const headers = (await on.callers.user('operator')).headers;
  const authorization = headers['authorization'] ?? '';
  const first = shaky(new TypeError('no connection'), busy());
  const again = clientOf(ROUTES, on.gateway, { authorization, fetch: first.fetch });
  await again.addClient({ body: { phone_number: String(phone++), tag: 'again' } });
  const keys = first.calls.map((call) => call.headers.get('idempotency-key'));
  expect(keys).toEqual([expect.stringMatching(/^\w{10,}$/), keys[0], keys[0]]);

  const made = await newClient('again');
  const second = shaky(new TypeError('no connection'));
  const once = clientOf(ROUTES, on.gateway, { authorization, fetch: second.fetch });
  await expect(once.deleteClient({ id: made.id })).rejects.toThrow('no connection');
  expect(second.calls).toHaveLength(1);

  const third = shaky(busy(), busy(), busy());
  const never = clientOf(ROUTES, on.gateway, { authorization, fetch: third.fetch });
  await expect(never.getClient({ id: made.id })).rejects.toMatchObject({ status: 503, title: 'HTTP 503' });
  expect(third.calls).toHaveLength(3);
});

test('a call that is no longer wanted ends at once', async () => {
  const { fetch: send } = shaky(new Error('aborted'));
  const signal = AbortSignal.abort();
  await expect(clientOf(ROUTES, on.gateway, { fetch: send }).listProducts({}, { signal })).rejects.toThrow('aborted');
});
