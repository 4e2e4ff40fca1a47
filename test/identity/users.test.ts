import '../support/quick-passwords';
import fc from 'fast-check';
import { decodeJwt } from 'jose';
import type { User } from '../../lambdas/identity/schema';
import { ROLES } from '../../lambdas/kernel/contract';
import { eventually } from '../support/processes';
import { type SetUp, setUp } from './admin';
import { freshName, linesOf } from './people';

let given: SetUp;
beforeAll(async () => {
  given = await setUp();
});
afterAll(() => given.on.close());

describe('users', () => {
  const pages = async (path: string): Promise<User[]> => {
    const all: User[] = [];
    for (let next: string | null = path; next; ) {
      const { status, body } = await given.admin('GET', next);
      expect(status).toBe(200);
      all.push(...body.results);
      next = body.next;
    }
    return all;
  };

  test('are listed newest first, in pages, without their hashes', async () => {
    const made: string[] = [];
    for (let count = 0; count < 7; count++) made.unshift((await given.who.register()).user.uuid);
    const list = await eventually('the index knows all', async () => {
      const all = await pages('/api/users/?limit=3');
      return made.every((uuid) => all.some((user) => user.uuid === uuid)) && all;
    });
    expect(list.map(({ uuid }) => uuid).filter((uuid) => made.includes(uuid))).toEqual(made);
    expect(JSON.stringify(list)).not.toMatch(/argon2|password|epoch/);
    expect((await given.admin('GET', '/api/users/?cursor=x')).status).toBe(422);
    expect((await given.admin('GET', '/api/users/?limit=201')).status).toBe(422);
  });

  test('are found by the beginning of username or email in any case, each once, in order', async () => {
    const { who } = given;
    const names = ['Zed', 'zedd', 'zeddie', 'ZEB', 'zebra', 'Жанна', 'жаба'];
    for (const name of names) await who.register({ username: `${name}-x`, email: null });
    await who.register({ username: 'zed-mail', email: 'ZED-mail@example.com' });
    await who.register({ username: 'other-x', email: 'zeb.other@example.com' });
    const all = await pages('/api/users/?limit=200');
    const beginning = fc.constantFrom(
      'z',
      'Ze',
      'zed',
      'ZEDD',
      'zeb',
      'zed-mail',
      'zed-mail@',
      'ж',
      'ЖА',
      'other',
      'user-',
      'qq',
    );
    await fc.assert(
      fc.asyncProperty(beginning, fc.integer({ min: 1, max: 6 }), async (text, limit) => {
        const found = await pages(`/api/users/?search=${encodeURIComponent(text)}&limit=${limit}`);
        const begins = (name: string | null) => name?.toLowerCase().startsWith(text.toLowerCase());
        const expected = all.filter(({ username, email }) => begins(username) || begins(email));
        expect(found.map(({ username }) => username).sort()).toEqual(expected.map(({ username }) => username).sort());
      }),
      { numRuns: 40 },
    );
    const inOrder = await pages('/api/users/?search=ze&limit=2');
    expect(inOrder.map(({ username }) => username)).toEqual([
      'ZEB-x',
      'other-x',
      'zebra-x',
      'zed-mail',
      'Zed-x',
      'zedd-x',
      'zeddie-x',
    ]);
    expect((await given.admin('GET', `/api/users/?search=${'ΐ'.repeat(150)}`)).body.results).toEqual([]);
    expect((await given.admin('GET', '/api/users/?search=')).body.results.length).toBeGreaterThan(5);
  });

  test('get roles, which their next token has, and the change is logged with ids', async () => {
    const { who, change, userWith, admin } = given;
    const boss = await userWith('admin');
    const { user, refresh } = await who.register();
    const lines = await linesOf(async () => {
      const { status, body } = await change(user.uuid, { roles: ['operator', 'analyst', 'operator'] }, boss);
      expect(status).toBe(200);
      expect(body).toEqual({ ...user, roles: ['operator', 'analyst'] });
    });
    expect(lines.filter(({ message }) => message === 'roles changed')).toEqual([
      expect.objectContaining({ user: user.uuid, by: boss.uuid, from: [], to: ['operator', 'analyst'] }),
    ]);
    const { body } = await who.refresh(refresh);
    expect(decodeJwt(body.access)['roles']).toEqual(['operator', 'analyst']);
    expect((await admin('GET', `/api/users/${user.uuid}/`)).body.roles).toEqual(['operator', 'analyst']);
    expect((await change(user.uuid, { roles: ['king'] })).status).toBe(422);
    expect((await change(crypto.randomUUID(), { roles: [] })).status).toBe(404);
    expect((await change('x', { roles: [] })).status).toBe(404);
  });

  test('are not changed twice from the same reading', async () => {
    const { who, change, admin } = given;
    const { user } = await who.register();
    const { headers } = await admin('GET', `/api/users/${user.uuid}/`);
    const match = { 'if-match': headers['etag'] };
    const answers = await Promise.all(
      ROLES.slice(1).map((role) => change(user.uuid, { roles: [role] }, undefined, match)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const fresh = { 'if-match': answers.find(({ status }) => status === 200)?.headers['etag'] };
    expect((await change(user.uuid, { phone_number: '12345' }, undefined, fresh)).status).toBe(200);
  });

  test('get a new password from an admin, who cannot set an own one so', async () => {
    const { who, change, userWith } = given;
    const boss = await userWith('admin');
    const { user, refresh } = await who.register();
    expect((await change(user.uuid, { password: user.username }, boss)).status).toBe(422);
    expect((await change(user.uuid, { password: 'given by the admin' }, boss)).status).toBe(200);
    expect((await who.refresh(refresh)).status).toBe(401);
    expect((await who.logIn(user.username)).status).toBe(401);
    expect((await who.logIn(user.username, 'given by the admin')).status).toBe(200);
    expect((await change(boss.uuid, { password: 'a stolen token' }, boss)).status).toBe(409);
  });

  test('leave nothing to log in with when they are deleted, and their names are free', async () => {
    const { who, admin } = given;
    const email = `${freshName()}@example.com`;
    const { user, access, refresh } = await who.register({ email });
    expect((await admin('DELETE', `/api/users/${user.uuid}/`)).status).toBe(204);
    expect((await admin('DELETE', `/api/users/${user.uuid}/`)).status).toBe(404);
    expect((await admin('GET', `/api/users/${user.uuid}/`)).status).toBe(404);
    expect((await who.me(access)).status).toBe(401);
    expect((await who.refresh(refresh)).status).toBe(401);
    expect((await who.logIn(user.username)).status).toBe(401);
    expect((await who.logIn(email)).status).toBe(401);
    const left = (await who.stored()).filter((item) => JSON.stringify(item).includes(user.uuid));
    expect(left.map(({ pk }) => String(pk).split('#')[0]).filter((kind) => kind !== 'FAMILY')).toEqual([]);
    const next = await who.register({ username: user.username, email });
    expect(next.user.uuid).not.toBe(user.uuid);
    expect((await who.me(access)).status).toBe(401);
  });

  test('of whom one was an admin yesterday: its token opens nothing here', async () => {
    const { change, userWith, admin } = given;
    const [boss, former] = [await userWith('admin'), await userWith('admin')];
    expect((await admin('GET', '/api/users/', undefined, former)).status).toBe(200);
    await change(former.uuid, { roles: [] }, boss);
    for (const [method, path, body] of [
      ['GET', '/api/users/'],
      ['GET', `/api/users/${boss.uuid}/`],
      ['PATCH', `/api/users/${former.uuid}/`, { roles: ['admin'] }],
      ['DELETE', `/api/users/${boss.uuid}/`],
      ['GET', '/api/api-keys/'],
      ['GET', '/api/api-keys/abcdefgh/'],
      ['DELETE', '/api/api-keys/abcdefgh/'],
      ['POST', '/api/api-keys/', { name: 'back door', roles: ['admin'] }],
      ['POST', '/api/api-keys/abcdefgh/roll/', {}],
    ] as const) {
      expect((await admin(method, path, body, former)).status).toBe(403);
    }
    await admin('DELETE', `/api/users/${former.uuid}/`);
    expect((await admin('GET', '/api/users/', undefined, former)).status).toBe(401);
  });

  test('keep an admin, whatever admins do to themselves and to each other', async () => {
    const { admin, change, userWith, who } = given;
    const [one, two] = [await userWith('admin'), await userWith('admin', 'operator')];
    const admins = async () => (await pages('/api/users/')).filter(({ roles }) => roles.includes('admin'));
    for (const { uuid } of await admins()) {
      if (uuid !== one.uuid && uuid !== two.uuid) await change(uuid, { roles: [] });
    }
    for (const body of [{ roles: ['operator'] }, { is_active: false }]) {
      expect((await change(one.uuid, body, one)).status).toBe(409);
    }
    expect((await admin('DELETE', `/api/users/${one.uuid}/`, undefined, one)).status).toBe(409);
    expect((await change(one.uuid, { roles: ['admin', 'operator'] }, one)).status).toBe(200);

    const answers = await Promise.all([
      change(one.uuid, { roles: [] }, two),
      admin('DELETE', `/api/users/${two.uuid}/`, undefined, one),
    ]);
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
    const [last] = (await admin('GET', '/api/users/')).body.results.filter(({ roles }: User) =>
      roles.includes('admin'),
    );
    for (const body of [{ roles: [] }, { is_active: false }]) {
      expect(await change(last.uuid, body)).toMatchObject({
        status: 409,
        body: { type: '/docs/problems/#last-admin' },
      });
    }
    expect((await admin('DELETE', `/api/users/${last.uuid}/`)).status).toBe(409);

    // one who is not active is none
    const third = await userWith('admin');
    await change(third.uuid, { is_active: false });
    expect((await change(last.uuid, { roles: [] })).status).toBe(409);
    await change(third.uuid, { is_active: true });
    expect((await change(last.uuid, { roles: [] })).status).toBe(200);
    expect((await who.logIn(last.username)).status).toBe(200);
  });
});
