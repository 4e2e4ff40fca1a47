import '../support/quick-passwords';
import { IdentityContract } from '../../lambdas/identity/contract';
import { SCOPES } from '../../lambdas/kernel/contract';
import { eventually } from '../support/processes';
import { type Caller, type SetUp, setUp } from './admin';
import { apiKey, freshName, stopCalendar } from './people';

let given: SetUp;
beforeAll(async () => {
  given = await setUp();
});
afterAll(() => given.on.close());

describe('API keys', () => {
  const make = async (fields: Record<string, unknown> = {}) => {
    const { status, body } = await given.admin('POST', '/api/api-keys/', {
      name: 'till 4',
      roles: ['admin'],
      ...fields,
    });
    expect(status).toBe(201);
    return body;
  };
  const roll = (prefix: string, body: unknown = {}) => given.admin('POST', `/api/api-keys/${prefix}/roll/`, body);
  const works = async (key: string): Promise<number> =>
    (await given.admin('GET', '/api/users/', undefined, apiKey(key))).status;

  test('are shown once and kept as a hash', async () => {
    const { key, ...shown } = await make({ scopes: ['receipts:write', 'receipts:write'] });
    expect(key).toMatch(/^mk_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}$/);
    expect(shown).toMatchObject({
      name: 'till 4',
      prefix: key.split('_')[1],
      roles: ['admin'],
      scopes: ['receipts:write'],
      expires_at: null,
      rolled_at: null,
      last_used_at: null,
    });
    const one = await given.admin('GET', `/api/api-keys/${shown.prefix}/`);
    expect(one.body).toEqual(shown);
    const list = await eventually('the index knows it', async () => {
      const { body } = await given.admin('GET', '/api/api-keys/');
      return body.results.some(({ id }: { id: string }) => id === shown.id) && body;
    });
    expect(list.results[0]).toEqual(shown);
    for (const where of [list, one, await given.who.stored()]) {
      expect(JSON.stringify(where)).not.toContain(key.split('_').slice(2).join('_'));
    }
    expect(JSON.stringify(list)).not.toContain('hash');
  });

  test('are listed newest first, in pages', async () => {
    const made = [(await make()).id, (await make()).id, (await make()).id].reverse();
    const seen: string[] = [];
    for (let next: string | null = '/api/api-keys/?limit=2'; next; ) {
      const { body } = await given.admin('GET', next);
      seen.push(...body.results.map(({ id }: { id: string }) => id));
      next = body.next;
    }
    expect(seen.slice(0, 3)).toEqual(made);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('do what they are for, until they are deleted, and note their last use', async () => {
    const { key, prefix } = await make();
    expect(await works(key)).toBe(200);
    const limited = await make({ roles: [], scopes: [...SCOPES] });
    expect(await works(limited.key)).toBe(403);
    const { body } = await given.admin('GET', `/api/api-keys/${prefix}/`);
    expect(Date.now() - Date.parse(body.last_used_at)).toBeLessThan(60_000);
    expect((await given.admin('DELETE', `/api/api-keys/${prefix}/`)).status).toBe(204);
    expect(await works(key)).toBe(401);
    expect((await given.admin('DELETE', `/api/api-keys/${prefix}/`)).status).toBe(404);
    expect((await given.admin('GET', `/api/api-keys/${prefix}/`)).status).toBe(404);
    expect((await roll(prefix)).status).toBe(404);
  });

  test('are made once for an Idempotency-Key', async () => {
    const headers = { 'idempotency-key': freshName() };
    const again = () => given.admin('POST', '/api/api-keys/', { name: 'once', roles: ['analyst'] }, undefined, headers);
    const answers = await Promise.all([again(), again(), again()]);
    expect(new Set(answers.map(({ body }) => body.key)).size).toBe(1);
    const rolls = await Promise.all(
      [1, 2, 3].map(() =>
        given.admin('POST', `/api/api-keys/${answers[0]?.body.prefix}/roll/`, {}, undefined, headers),
      ),
    );
    expect(new Set(rolls.map(({ body }) => body.key)).size).toBe(1);
  });

  test.each([
    [{}, 'name'],
    [{ name: 'x' }, 'scopes'],
    [{ name: 'x', roles: ['king'] }, 'roles.0'],
    [{ name: 'x', scopes: 'all' }, 'scopes'],
    [{ name: 'two\nlines', roles: ['analyst'] }, 'name'],
    [{ name: 'x', roles: ['analyst'], expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
  ])('of %j are refused', async (body, path) => {
    const answer = await given.admin('POST', '/api/api-keys/', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });

  test('end when they expire', async () => {
    const { key, prefix } = await make({ expires_at: new Date(Date.now() + 3_600_000).toISOString() });
    expect(await works(key)).toBe(200);
    const calendar = stopCalendar();
    calendar.move(3_601);
    expect(await works(key)).toBe(401);
    expect((await given.admin('GET', `/api/api-keys/${prefix}/`)).status).toBe(200);
  });

  test('roll: old and new hold together for the overlap, a day unless said otherwise', async () => {
    const calendar = stopCalendar();
    const { key, prefix } = await make();
    const { status, body } = await roll(prefix);
    expect(status).toBe(200);
    expect(body).toMatchObject({ prefix, rolled_at: new Date().toISOString() });
    expect([await works(key), await works(body.key)]).toEqual([200, 200]);
    calendar.move(86_399);
    expect([await works(key), await works(body.key)]).toEqual([200, 200]);
    calendar.move(2);
    expect([await works(key), await works(body.key)]).toEqual([401, 200]);
    const atOnce = (await roll(prefix, { overlap_seconds: 0 })).body;
    expect([await works(body.key), await works(atOnce.key)]).toEqual([401, 200]);
  });

  test('roll at once by two admins: both secrets hold; too many rolls are refused; 0 ends all', async () => {
    const { key, prefix } = await make();
    const both = await Promise.all([roll(prefix), roll(prefix)]);
    const keys = [key, ...both.map(({ body }) => body.key)];
    for (let more = 0; more < 3; more++) keys.push((await roll(prefix)).body.key);
    for (const one of keys) expect(await works(one)).toBe(200);
    expect((await roll(prefix)).status).toBe(409);
    const last = (await roll(prefix, { overlap_seconds: 0 })).body.key;
    for (const one of keys) expect(await works(one)).toBe(401);
    expect(await works(last)).toBe(200);
    expect((await roll(prefix, { overlap_seconds: -1 })).status).toBe(422);
  });
});

test('only admins administrate', async () => {
  const { on, userWith } = given;
  const closed = Object.values(IdentityContract).filter(
    ({ path }) => path.startsWith('/api/users') || path.startsWith('/api/api-keys'),
  );
  expect(closed.length).toBeGreaterThanOrEqual(9);
  const strangers: (Caller | undefined)[] = [
    undefined,
    await userWith(),
    await userWith('analyst'),
    await userWith('operator'),
    await on.callers.apiKey({ roles: ['analyst', 'operator'], scopes: [...SCOPES] }),
  ];
  for (const { method, path } of closed) {
    const real = path.replace('{uuid}', crypto.randomUUID()).replace('{prefix}', 'abcdefgh');
    for (const stranger of strangers) {
      expect((await on.api(method, real, { body: {} }, stranger)).status).toBe(stranger ? 403 : 401);
    }
  }
});
