import * as z from 'zod';
import { contract } from '../../lambdas/kernel/contract';
import { httpApi, Reply } from '../../lambdas/kernel/http';
import { log, setLogContext } from '../../lambdas/kernel/log';
import { conflict, Problem } from '../../lambdas/kernel/problem';
import { proxyEvent } from '../support/gateway';

const Thing = z.object({ name: z.string() });
const open = { access: 'public', status: 200 } as const;
const Things = contract({
  one: {
    ...open,
    method: 'GET',
    path: '/things/{id}/',
    summary: '',
    params: z.object({ id: z.string() }),
    returns: Thing,
  },
  all: { ...open, method: 'GET', path: '/things/all/', summary: '', returns: Thing },
  change: {
    ...open,
    method: 'PUT',
    path: '/things/{id}/',
    summary: '',
    params: z.object({ id: z.string() }),
    body: Thing.strict(),
    returns: Thing,
  },
  remove: {
    ...open,
    method: 'DELETE',
    path: '/things/{id}/',
    summary: '',
    params: z.object({ id: z.string() }),
    status: 204,
  },
  tell: {
    ...open,
    method: 'POST',
    path: '/tell/',
    summary: '',
    body: z.object({ what: z.string() }),
    returns: z.unknown(),
    maxBytes: 100,
  },
  cached: { ...open, method: 'GET', path: '/a.b/cached', summary: '', returns: Thing, cache: 'public, max-age=60' },
});

/** An error of the platform's, which its name tells. */
const platformError = (name: string) => Object.assign(new Error('so it is'), { name });

/** What `tell` does, by the word that it is told. */
const DEEDS: Record<string, () => unknown> = {
  created: () => new Reply({ made: true }, { status: 201, headers: { location: '/things/1/' } }),
  nothing: () => undefined,
  conflict: () => {
    throw conflict('it is there', 'taken');
  },
  busy: () => {
    throw platformError('ThrottlingException');
  },
  'under way': () => {
    throw platformError('TransactionInProgressException');
  },
  'without secrets': () => {
    throw platformError('InternalServiceError');
  },
  broken: () => {
    throw new Error('the secret inside');
  },
  odd: () => {
    throw new Problem(418, 'short and stout');
  },
};

let current = { name: 'first' };
const handler = httpApi(Things, {
  one: async ({ params }) => ({ name: params.id, secret: 'hidden' }),
  all: async () => ({ name: 'all of them' }),
  change: async ({ body, requireMatch }) => {
    requireMatch(current);
    current = body;
    return current;
  },
  remove: async () => undefined,
  tell: async ({ body }) => DEEDS[body.what]?.() as never,
  cached: async () => ({ name: 'kept' }),
});

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const reply = await handler(
    proxyEvent({ method, path, headers, ...(text !== undefined && { body: text }) }),
    {} as never,
  );
  return {
    ...reply,
    headers: (reply.headers ?? {}) as Record<string, string>,
    json: reply.body ? JSON.parse(reply.body) : undefined,
  };
}

/** The lines logged while something runs. */
async function linesOf(run: () => unknown): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  await run();
  write.mockRestore();
  return lines.map((line) => JSON.parse(line));
}

afterEach(() => {
  delete process.env['STRICT_REPLIES'];
});

test('a literal path comes before one with a parameter, and a dot in a path is a dot', async () => {
  expect((await call('GET', '/things/all/')).json).toEqual({ name: 'all of them' });
  expect((await call('GET', '/things/all')).json).toEqual({ name: 'all of them' });
  expect((await call('DELETE', '/things/all/')).headers['allow']).toBe('GET, HEAD');
  expect((await call('GET', '/aXb/cached')).statusCode).toBe(404);
});

test('a parameter is what the caller wrote, decoded', async () => {
  const event = proxyEvent({ method: 'GET', path: '/' });
  const reply = await handler({ ...event, path: '/things/a%20b%2Fc/' }, {} as never);
  expect(JSON.parse(reply.body)).toEqual({ name: 'a b/c' });
});

test('nothing leaves that the contract does not show', async () => {
  expect((await call('GET', '/things/x/')).json).toEqual({ name: 'x' });
});

test('a reply that does not fit is an error in tests, and is answered as far as it is known elsewhere', async () => {
  const wrong = httpApi({ all: Things.all }, { all: async () => ({ name: 7, secret: 'hidden' }) as never });
  const ask = () => wrong(proxyEvent({ method: 'GET', path: '/things/all/' }), {} as never);
  process.env['STRICT_REPLIES'] = '1';
  expect((await ask()).statusCode).toBe(500);
  delete process.env['STRICT_REPLIES'];
  let body = '';
  const lines = await linesOf(async () => {
    body = (await ask()).body;
  });
  expect(JSON.parse(body)).toEqual({ name: 7 });
  expect(lines).toContainEqual(expect.objectContaining({ level: 'error', path: '/things/all/' }));
  const nothing = httpApi({ all: Things.all }, { all: async () => 'text' as never });
  expect((await nothing(proxyEvent({ method: 'GET', path: '/things/all/' }), {} as never)).statusCode).toBe(500);
});

test('a verb may answer another status and headers of its own, or nothing at all', async () => {
  const made = await call('POST', '/tell/', { what: 'created' });
  expect([made.statusCode, made.headers['location'], made.json]).toEqual([201, '/things/1/', { made: true }]);
  const removed = await call('DELETE', '/things/1/');
  expect([removed.statusCode, removed.body, removed.headers['content-type']]).toEqual([204, '', undefined]);
});

test('the cache is told what the contract says, else to keep nothing', async () => {
  expect((await call('GET', '/a.b/cached')).headers['cache-control']).toBe('public, max-age=60');
  expect((await call('GET', '/things/x/')).headers['cache-control']).toBe('no-store');
});

test('a change with If-Match goes through for the current version only', async () => {
  const { headers } = await call('PUT', '/things/1/', { name: 'second' });
  const late = await call('PUT', '/things/1/', { name: 'lost' }, { 'if-match': '"another"' });
  expect([late.statusCode, late.json.type]).toEqual([412, '/docs/problems/#lost-update']);
  const listed = { 'If-Match': `"another", ${headers['etag']}` };
  expect((await call('PUT', '/things/1/', { name: 'third' }, listed)).json).toEqual({ name: 'third' });
  expect((await call('PUT', '/things/1/', { name: 'fourth' }, { 'if-match': '*' })).statusCode).toBe(200);
});

test('a field that is not there is required, and of very many errors so many are told as anybody mends at once', async () => {
  expect((await call('PUT', '/things/1/', {})).json.errors).toEqual([{ path: 'name', message: 'is required' }]);
  const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`field${n}`, n]));
  const { errors } = (await call('PUT', '/things/1/', { name: 'x', ...unknown })).json;
  expect(errors).toHaveLength(101);
  expect(errors.at(-1)).toEqual({ path: '', message: 'and 400 more' });
});

test.each(['\ufffe', '\uffff', '\ud800'])('no text holds what is no character: %j', async (one) => {
  const { statusCode, json } = await call('PUT', '/things/1/', { name: `a${one}` });
  expect([statusCode, json.errors?.[0]?.path]).toEqual([422, 'name']);
});

test('a field that nobody knows is named, where the schema takes no other', async () => {
  const { statusCode, json } = await call('PUT', '/things/1/', { nam: 'x', 'Na me': 1 });
  expect(statusCode).toBe(422);
  expect(json.errors).toEqual(
    expect.arrayContaining([
      { path: 'nam', message: 'is not a known field' },
      { path: 'Na me', message: 'is not a known field' },
      { path: 'name', message: expect.stringMatching(/./) },
    ]),
  );
});

test.each([
  ['conflict', 409, { type: '/docs/problems/#taken', detail: 'it is there' }, undefined],
  ['busy', 503, { type: '/docs/problems/#busy' }, '1'],
  ['under way', 503, { type: '/docs/problems/#busy' }, '1'],
  ['without secrets', 503, { type: '/docs/problems/#busy' }, '1'],
  ['broken', 500, { type: 'about:blank', title: 'Internal Server Error' }, undefined],
  ['odd', 418, { title: 'Error', detail: 'short and stout' }, undefined],
])('what ends as %s is answered %d', async (what, status, problem, retryAfter) => {
  const reply = await call('POST', '/tell/', { what });
  expect(reply.statusCode).toBe(status);
  expect(reply.json).toMatchObject({ status, instance: '/tell/', ...problem });
  expect(reply.headers['retry-after']).toBe(retryAfter);
  expect(reply.body).not.toContain('secret inside');
  expect(reply.json.request_id).toBe(reply.headers['x-request-id']);
});

test('the limit of a body is the contract’s', async () => {
  expect((await call('POST', '/tell/', { what: 'x'.repeat(100) })).statusCode).toBe(413);
});

test('each request leaves one line with what it took, and a failure of ours one with its stack', async () => {
  const lines = await linesOf(() => call('POST', '/tell/', { what: 'broken' }));
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'error',
      operation: 'tell',
      error: expect.objectContaining({ message: 'the secret inside', stack: expect.any(String) }),
    }),
    expect.objectContaining({
      level: 'info',
      message: 'request',
      method: 'POST',
      path: '/tell/',
      status: 500,
      ms: expect.any(Number),
    }),
  ]);
});

test('a line carries the context of its invocation', async () => {
  const lines = await linesOf(() => {
    setLogContext({ lane: 'test' });
    log('warn', 'careful', { n: 1 });
    setLogContext({});
  });
  expect(lines).toEqual([{ level: 'warn', message: 'careful', at: expect.stringMatching(/Z$/), lane: 'test', n: 1 }]);
});
