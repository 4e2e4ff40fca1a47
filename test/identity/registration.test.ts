import '../support/quick-passwords';
import fc from 'fast-check';
import { nameKey, Username } from '../../lambdas/identity/schema';
import { freshAddress, freshName, type Identity, openIdentity, PASSWORD } from './people';

let { on, who } = {} as Identity;
beforeAll(async () => {
  ({ on, who } = await openIdentity());
});
afterAll(() => on.close());

describe('registration', () => {
  test.each(['/api/auth/registration/', '/auth/registration/', '/auth/registration', '/api/v1/users/create'])(
    'at %s gives a user without a role, and tokens that work',
    async (path) => {
      const username = freshName();
      const { status, body } = await who.post(path, {
        username,
        email: `${username}@Example.com`,
        phone_number: '+21658741196',
        password: PASSWORD,
        roles: ['admin'],
        is_active: false,
      });
      expect(status).toBe(201);
      expect(body.user).toEqual({
        uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        username,
        email: `${username}@Example.com`,
        phone_number: '+21658741196',
        roles: [],
        is_active: true,
        created_at: expect.stringMatching(/Z$/),
      });
      expect(body).toMatchObject({ token: body.access, token_type: 'Bearer', expires_in: 600 });
      expect((await who.me(body.access)).body).toEqual(body.user);
      expect((await who.refresh(body.refresh)).status).toBe(200);
    },
  );

  test('takes the two passwords of a form', async () => {
    const username = freshName();
    await who.register({ username, password: undefined, password1: PASSWORD, password2: PASSWORD });
    expect((await who.logIn(username)).status).toBe(200);
  });

  test.each([
    [
      { username: 'x', email: 'nobody', phone_number: 'call me', password: 'short' },
      'username email phone_number password',
    ],
    [{ username: 'has space', password1: 'short', password2: 'other' }, 'username password1 password2'],
    [{}, 'username password'],
    [{ username: 'somebody' }, 'password'],
    [{ username: 'somebody', password: 'p'.repeat(129) }, 'password'],
    [{ username: 'somebody', password: 'SomeBody' }, 'password'],
    [{ username: 'somebody', email: 'some@body.org', password: 'some@body.ORG' }, 'password'],
    [{ username: 'somebody', password1: 'somebody', password2: 'somebody' }, 'password1'],
    [{ username: 'somebody', password: `${PASSWORD}\ud800` }, 'password'],
    [{ username: 'u'.repeat(151), password: PASSWORD }, 'username'],
    [{ username: '\ufdfa\ufdfa\ufdfa', password: PASSWORD }, 'username'],
    [[], ''],
    [null, ''],
    ['text', ''],
  ])('refuses %j and names every field at fault', async (body, fields) => {
    const answer = await who.post('/api/auth/registration/', JSON.stringify(body));
    expect(answer.status).toBe(422);
    const paths = answer.body.errors.map(({ path }: { path: string }) => path);
    expect([...new Set(paths)].sort()).toEqual(fields.split(' ').sort());
  });

  test('gives a name to one of many who want it at once, in whatever case', async () => {
    const name = freshName();
    const names = [name, name.toUpperCase(), `U${name.slice(1)}`, name, name];
    const answers = await Promise.all(
      names.map((username) => who.post('/api/auth/registration/', { username, password: PASSWORD })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    const refused = answers.find(({ status }) => status === 409);
    expect(refused?.body).toMatchObject({ errors: [{ path: 'username', message: 'is taken' }] });
    const users = (await who.stored()).filter((item) => nameKey(String(item['username'])) === nameKey(name));
    expect(users).toHaveLength(1);
  });

  test('lets nobody take an email, not even as a username', async () => {
    const email = `${freshName()}@example.com`;
    await who.register({ email });
    const asEmail = await who.post('/api/auth/registration/', { username: freshName(), email, password: PASSWORD });
    expect(asEmail).toMatchObject({ status: 409, body: { errors: [{ path: 'email' }] } });
    const asName = await who.post('/api/auth/registration/', { username: email.toUpperCase(), password: PASSWORD });
    expect(asName).toMatchObject({ status: 409, body: { errors: [{ path: 'username' }] } });
    const own = `${freshName()}@example.com`;
    expect((await who.register({ username: own, email: own })).user).toMatchObject({ username: own, email: own });
  });

  test('with an Idempotency-Key happens once, with one answer', async () => {
    const request = { headers: { 'idempotency-key': freshName() }, address: freshAddress() };
    const body = { username: freshName(), password: PASSWORD };
    const post = (one: unknown) => who.post('/api/auth/registration/', one, request);
    const answers = await Promise.all([1, 2, 3, 4].map(() => post(body)));
    answers.push(await post(body));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect((await post({ ...body, username: freshName() })).status).toBe(422);
    expect(JSON.stringify(answers)).not.toContain('argon2');
  });

  test('keeps no secret in the clear', async () => {
    const { access, refresh } = await who.register({ password: 'a secret for the test' });
    const stored = JSON.stringify(await who.stored());
    expect(stored).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
    const [, , ...secret] = refresh.split('_');
    for (const one of ['a secret for the test', access, secret.join('_')]) expect(stored).not.toContain(one);
  });

  test('answers whatever is sent with a 4xx problem', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.constantFrom('', 'a@b.co', '\u0000', 'ﷺ'.repeat(40)),
    );
    const field = fc.oneof(text, fc.anything());
    const body = fc.oneof(
      fc.record(
        { username: field, email: field, phone_number: field, password: field, password2: field },
        { requiredKeys: [] },
      ),
      fc.anything(),
    );
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom('registration', 'login', 'refresh', 'logout'), async (sent, verb) => {
        const json = JSON.stringify(sent, (_, value) => (typeof value === 'bigint' ? `${value}` : value)) ?? '';
        const { status } = await who.post(`/api/auth/${verb}/`, json);
        expect([201, 204, 400, 401, 409, 422]).toContain(status);
      }),
      { numRuns: 150 },
    );
  });
});

describe('names', () => {
  const username = fc.stringMatching(/^[\p{L}\p{N}@.+_-]{3,12}$/u).filter((name) => Username.safeParse(name).success);

  test('are one whatever their case', () => {
    fc.assert(
      fc.property(username, (name) => {
        for (const same of [name.toUpperCase(), name.toLowerCase(), name.normalize('NFD'), nameKey(name)]) {
          expect(nameKey(same)).toBe(nameKey(name));
        }
      }),
      { examples: [['Straße'], ['STRAẞE']] },
    );
  });

  test.each(['Иван', 'Ärger', 'ΟΔΥΣΣΕΥΣ', '李小龙-1', 'a+b@c.d_e'])('may be %s', async (name) => {
    await who.register({ username: name });
    expect((await who.logIn(name.toLowerCase())).status).toBe(200);
  });
});
