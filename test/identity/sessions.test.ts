import '../support/quick-passwords';
import fc from 'fast-check';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { type Identity, linesOf, openIdentity, stopCalendar } from './people';

let { on, who } = {} as Identity;
beforeAll(async () => {
  ({ on, who } = await openIdentity());
});
afterAll(() => on.close());

const logOut = (refresh: string) => who.post('/api/auth/logout/', { refresh });
const asAdmin = async (method: string, uuid: string, body?: unknown) =>
  on.api(method, `/api/users/${uuid}/`, { body }, await on.callers.apiKey({ roles: ['admin'] }));

describe('a session', () => {
  let calendar: ReturnType<typeof stopCalendar>;
  beforeEach(() => {
    calendar = stopCalendar();
  });

  test('goes on with a new refresh token at each use, for thirty days from the last', async () => {
    let { refresh, user } = await who.register();
    for (const days of [29, 29, 29]) {
      calendar.move(days * 86_400);
      const { status, body } = await who.refresh(refresh);
      expect(status).toBe(200);
      expect(body.refresh).not.toBe(refresh);
      expect((await who.me(body.access)).body).toEqual(user);
      refresh = body.refresh;
    }
    calendar.move(30 * 86_400);
    expect((await who.refresh(refresh)).status).toBe(401);
  });

  test('gives the very same refresh the same answer for ten seconds, also when several come at once', async () => {
    const { refresh } = await who.register();
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => who.refresh(refresh)));
    calendar.move(10);
    answers.push(await who.refresh(refresh));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.refresh)).size).toBe(1);
    expect((await who.refresh(answers[0]?.body.refresh)).status).toBe(200);
  });

  test.each(['too late', 'after its successor'])('ends when a refresh token is used again %s', async (when) => {
    const { refresh, user } = await who.register();
    let last = (await who.refresh(refresh)).body.refresh;
    if (when === 'too late') calendar.move(11);
    else last = (await who.refresh(last)).body.refresh;
    const lines = await linesOf(async () => expect((await who.refresh(refresh)).status).toBe(401));
    expect(lines.find(({ message }) => message === 'refresh refused')).toMatchObject({
      reason: expect.stringContaining('used again'),
      user: user.uuid,
      family: expect.stringMatching(/^[\w-]{16}$/),
    });
    const [, family = '', ...secret] = refresh.split('_');
    for (const { text } of lines) {
      expect(text).not.toContain(family);
      expect(text).not.toContain(secret.join('_'));
    }
    expect((await who.refresh(last)).status).toBe(401);
    expect((await who.logIn(user.username)).status).toBe(200);
  });

  test('behaves so in whatever order its tokens are used', async () => {
    const { user } = await who.register();
    const step = fc.oneof(
      fc.record({ use: fc.integer({ min: 0, max: 2 }) }),
      fc.record({ wait: fc.constantFrom(1, 9, 11) }),
      fc.constant('log out' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const tokens: string[] = [(await who.logIn(user.username)).body.refresh];
        let ended = false;
        let sinceRotation = Number.POSITIVE_INFINITY;
        for (const one of steps) {
          if (one === 'log out') {
            expect((await logOut(tokens.at(-1) ?? '')).status).toBe(204);
            ended = true;
          } else if ('wait' in one) {
            calendar.move(one.wait);
            sinceRotation += one.wait;
          } else {
            const age = Math.min(one.use, tokens.length - 1);
            const { status, body } = await who.refresh(tokens.at(-1 - age) ?? '');
            if (!ended && age === 0) {
              tokens.push(body.refresh);
              sinceRotation = 0;
            } else if (ended || age > 1 || sinceRotation > 10) ended = true;
            else expect(body.refresh).toBe(tokens.at(-1));
            expect(status).toBe(ended ? 401 : 200);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test('ends by logging out, with any of its tokens and however often', async () => {
    for (const place of [0, 1, 2]) {
      const { refresh } = await who.register();
      const second = (await who.refresh(refresh)).body.refresh;
      const tokens = [refresh, second, (await who.refresh(second)).body.refresh];
      for (const token of [tokens[place], tokens[place], 'no token', 'rt_x_y']) {
        expect((await logOut(token)).status).toBe(204);
      }
      expect((await who.refresh(tokens[2])).status).toBe(401);
    }
  });

  test('does not come back when it is refreshed and logged out at once', async () => {
    for (let round = 0; round < 5; round++) {
      const { refresh } = await who.register();
      const [, family] = refresh.split('_');
      await Promise.all([who.refresh(refresh), logOut(refresh)]);
      expect((await who.stored()).filter(({ pk }) => pk === `FAMILY#${family}`)).toEqual([]);
    }
  });

  test('neither begins nor ends with a token that we never gave', async () => {
    const { refresh } = await who.register();
    const [, family] = refresh.split('_');
    const madeUp = 'A'.repeat(43);
    const { body } = await who.refresh(refresh);
    for (const token of ['x', `rt_${family}`, `rt_${crypto.randomUUID()}_${madeUp}`, `rt_${family}_${madeUp}`]) {
      expect((await who.refresh(token)).status).toBe(401);
      expect((await logOut(token)).status).toBe(204);
    }
    expect((await who.refresh(body.refresh)).status).toBe(200);
  });

  test('ends with its user: deactivated for good, deleted', async () => {
    const { refresh, user } = await who.register();
    expect((await asAdmin('PATCH', user.uuid, { is_active: false })).status).toBe(200);
    expect((await who.refresh(refresh)).status).toBe(401);
    await asAdmin('PATCH', user.uuid, { is_active: true });
    expect((await who.refresh(refresh)).status).toBe(401);
    const { body } = await who.logIn(user.username);
    expect((await asAdmin('DELETE', user.uuid)).status).toBe(204);
    expect((await who.refresh(body.refresh)).status).toBe(401);
  });
});

describe('an access token', () => {
  test('says who it is for, signed by a published key, for ten minutes', async () => {
    const { access, user } = await who.register();
    const jwks = await on.api('GET', '/.well-known/jwks.json');
    expect(jwks.status).toBe(200);
    expect(jwks.headers['cache-control']).toBe('public, max-age=300');
    const { payload, protectedHeader } = await jwtVerify(access, createLocalJWKSet(jwks.body), {
      issuer: 'mercato',
      audience: 'mercato',
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT', kid: jwks.body.keys[0].kid });
    expect(payload).toMatchObject({ sub: user.uuid, username: user.username, roles: [] });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(600);
  });

  test('that was altered, expired or signed by somebody else is refused', async () => {
    const calendar = stopCalendar();
    const { access } = await who.register();
    const [header, payload, signature] = access.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const raised = Buffer.from(JSON.stringify({ ...claims, roles: ['admin'] })).toString('base64url');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    for (const token of [`${header}.${raised}.${signature}`, `${none}.${payload}.`, `${access}x`, 'x']) {
      expect((await who.me(token)).status).toBe(401);
    }
    calendar.move(599);
    expect((await who.me(access)).status).toBe(200);
    calendar.move(2);
    expect((await who.me(access)).status).toBe(401);
  });
});
