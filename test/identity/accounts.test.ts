import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { argon2id } from 'hash-wasm';
import { nameKey, Username } from '../../lambdas/identity/schema';
import { beginAttempt, networkOf } from '../../lambdas/identity/throttle';
import { documents } from '../../lambdas/kernel/documents';
import { type Platform, platform } from '../support/platform';
import { bearer, freshAddress, freshName, linesOf, PASSWORD, people, stopCalendar } from './people';

let on: Platform;
let who: ReturnType<typeof people>;
beforeAll(async () => {
  on = await platform('identity');
  who = people(on);
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
    );
  });

  test.each(['Иван', 'Ärger', 'ΟΔΥΣΣΕΥΣ', '李小龙-1', 'a+b@c.d_e'])('may be %s', async (name) => {
    await who.register({ username: name });
    expect((await who.logIn(name.toLowerCase())).status).toBe(200);
  });
});

describe('login', () => {
  test.each(['/api/auth/login/', '/auth/login/', '/auth/', '/auth', '/api/v1/users/token'])(
    'at %s takes username or email in any case',
    async (path) => {
      const username = freshName();
      const email = `${username}@example.com`;
      const { user } = await who.register({ username, email });
      for (const name of [{ username }, { email: email.toUpperCase() }, { username: email }, { username: '', email }]) {
        const { status, body } = await who.post(path, { ...name, password: PASSWORD });
        expect(status).toBe(200);
        expect(body).toEqual({
          access: expect.any(String),
          refresh: expect.any(String),
          token: body.access,
          token_type: 'Bearer',
          expires_in: 600,
        });
        expect((await who.me(body.token)).body.uuid).toBe(user.uuid);
      }
    },
  );

  test('wants a name', async () => {
    const answer = await who.post('/api/auth/login/', { username: ' ', password: PASSWORD });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'username' }] } });
  });

  test('does not say what was wrong, and logs who was refused without names and passwords', async () => {
    const active = await who.register();
    const inactive = await who.register();
    const admin = await on.callers.apiKey({ roles: ['admin'] });
    await on.api('PATCH', `/api/users/${inactive.user.uuid}/`, { body: { is_active: false } }, admin);
    const answers: unknown[] = [];
    const lines = await linesOf(async () => {
      const tries = [
        ['nobody-at-all', PASSWORD],
        [active.user.username, 'wrong password'],
        [active.user.username, ''],
        [inactive.user.username, PASSWORD],
      ];
      for (const [name = '', password] of tries) {
        const { status, headers, body } = await who.logIn(name, password);
        answers.push({ status, challenge: headers['www-authenticate'], body: { ...body, request_id: '' } });
      }
    });
    expect(answers[0]).toMatchObject({ status: 401, challenge: expect.stringContaining('Bearer') });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    const refused = lines.filter(({ message }) => message === 'login refused');
    expect(refused.map((line) => (line as never)['reason'])).toEqual([
      'no such user',
      'wrong password',
      'wrong password',
      'not active',
    ]);
    expect(refused[1]).toMatchObject({ user: active.user.uuid });
    for (const { text } of lines) expect(text).not.toMatch(/nobody-at-all|wrong password"?,"password|correct horse/);
  });

  test('costs the same whether or not there is the user', async () => {
    const cost = async (name: string): Promise<number> => {
      const before = process.cpuUsage();
      await who.logIn(name, 'wrong password');
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    // in turn, and the least of each: whatever else runs in this process only adds, so that more rounds come nearer
    let known = Number.POSITIVE_INFINITY;
    let unknown = Number.POSITIVE_INFINITY;
    const alike = () => known / unknown > 0.5 && known / unknown < 2;
    for (let round = 0; round < 6 || (round < 40 && !alike()); round++) {
      const { user } = await who.register();
      unknown = Math.min(unknown, await cost(freshName()));
      known = Math.min(known, await cost(user.username));
    }
    // without its hashing a login costs a tenth
    expect(alike()).toBe(true);
  });

  test('brings an old hash to the parameters of today', async () => {
    const { user } = await who.register();
    const TableName = on.named('Identity/Api').environment['TABLE_NAME'];
    const old = await argon2id({
      password: PASSWORD,
      salt: Buffer.alloc(16, 1),
      parallelism: 1,
      iterations: 2,
      memorySize: 256,
      hashLength: 32,
      outputType: 'encoded',
    });
    await documents.send(
      new UpdateCommand({
        TableName,
        Key: { pk: `USER#${user.uuid}`, sk: 'USER' },
        UpdateExpression: 'SET password_hash = :old',
        ExpressionAttributeValues: { ':old': old },
      }),
    );
    const hash = async () => (await who.stored()).find(({ uuid }) => uuid === user.uuid)?.['password_hash'];
    expect((await who.logIn(user.username, 'wrong password')).status).toBe(401);
    expect(await hash()).toBe(old);
    const twoAtOnce = await Promise.all([who.logIn(user.username), who.logIn(user.username)]);
    expect(twoAtOnce.map(({ status }) => status)).toEqual([200, 200]);
    expect(await hash()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect((await who.logIn(user.username)).status).toBe(200);
  });

  test('takes a password however its letters are composed', async () => {
    const { user } = await who.register({ password: 'Zürich-Écluse' });
    expect((await who.logIn(user.username, 'Zürich-Écluse'.normalize('NFD'))).status).toBe(200);
  });
});

describe('failed logins', () => {
  let calendar: ReturnType<typeof stopCalendar>;
  beforeEach(() => {
    Object.assign(process.env, on.named('Identity/Api').environment);
    calendar = stopCalendar();
  });

  const aHundredTimes = async (attempt: () => Promise<unknown>) => {
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, attempt));
  };

  test('are let through ten times from one address, also when all come at once, known user or not', async () => {
    const { user } = await who.register();
    for (const name of [user.username, freshName()]) {
      const address = freshAddress();
      const answers = await Promise.all(Array.from({ length: 14 }, () => who.logIn(name, 'wrong password', address)));
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(4);
      const seconds = Number(refused[0]?.headers['retry-after']);
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(900);
      expect((await who.logIn(name, PASSWORD, address)).status).toBe(429);
      if (name !== user.username) continue;
      // from elsewhere the user gets in, and here after the time given
      expect((await who.logIn(name)).status).toBe(200);
      calendar.move(seconds);
      expect((await who.logIn(name, PASSWORD, address)).status).toBe(200);
    }
  });

  test('are forgiven by a login', async () => {
    const { user } = await who.register();
    const address = freshAddress();
    for (let round = 0; round < 2; round++) {
      for (let tried = 0; tried < 6; tried++) {
        expect((await who.logIn(user.username, 'wrong password', address)).status).toBe(401);
      }
      expect((await who.logIn(user.username, PASSWORD, address)).status).toBe(200);
    }
  });

  test('of many names from one address shut the address out, not others', async () => {
    const { user } = await who.register();
    const address = freshAddress();
    await aHundredTimes(() => beginAttempt(freshName(), address));
    expect((await who.logIn(user.username, PASSWORD, address)).status).toBe(429);
    expect((await who.logIn(user.username)).status).toBe(200);
  });

  test('of one name from everywhere shut out strangers, not the addresses of its user', async () => {
    const { user } = await who.register();
    const home = freshAddress();
    expect((await who.logIn(user.username, PASSWORD, home)).status).toBe(200);
    await aHundredTimes(() => beginAttempt(user.username, freshAddress()));
    expect((await who.logIn(user.username)).status).toBe(429);
    expect((await who.logIn(user.username, PASSWORD, home)).status).toBe(200);
    calendar.move(900);
    expect((await who.logIn(user.username)).status).toBe(200);
    // a month later home is an address like any other
    calendar.move(31 * 86_400);
    await aHundredTimes(() => beginAttempt(user.username, freshAddress()));
    expect((await who.logIn(user.username, PASSWORD, home)).status).toBe(429);
  });

  test('count for the network of an IPv6 caller', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 8, maxLength: 8 }),
        fc.array(group, { minLength: 4, maxLength: 4 }),
        (all, host) => {
          const neighbour = [...all.slice(0, 4), ...host].join(':');
          expect(networkOf(neighbour)).toBe(networkOf(all.join(':').toUpperCase()));
          const elsewhere = [(Number.parseInt(all[0] ?? '', 16) ^ 1).toString(16), ...all.slice(1)].join(':');
          expect(networkOf(elsewhere)).not.toBe(networkOf(neighbour));
        },
      ),
    );
    expect(networkOf('2001:db8::1')).toBe(networkOf('2001:0db8:0:0:1:2:3:4'));
    expect(networkOf('::1')).toBe(networkOf('0:0:0:0:0:0:0:1'));
    expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(networkOf('192.0.2.1')).not.toBe(networkOf('192.0.2.2'));
  });
});

describe('your own account', () => {
  test('shows with an ETag', async () => {
    const { access, user } = await who.register();
    const first = await who.me(access);
    expect(first).toMatchObject({ status: 200, body: user });
    const etag = first.headers['etag'] ?? '';
    const again = await on.api('GET', '/api/auth/me/', { headers: { 'if-none-match': etag } }, bearer(access));
    expect(again).toMatchObject({ status: 304, body: '' });
  });

  test('is not there for an API key, and nobody without credentials', async () => {
    const key = await on.callers.apiKey({ roles: ['operator'] });
    expect((await on.api('GET', '/api/auth/me/', {}, key)).status).toBe(403);
    expect((await on.api('GET', '/api/auth/me/')).status).toBe(401);
  });

  test('changes its email and phone number, and nothing else', async () => {
    const email = `${freshName()}@example.com`;
    const { access, user } = await who.register({ email });
    const change = (body: unknown, headers = {}) => on.api('PATCH', '/api/auth/me/', { body, headers }, bearer(access));
    const etag = (await who.me(access)).headers['etag'] ?? '';
    const next = `${freshName()}@example.com`;
    const changed = await change({ email: next, roles: ['admin'], username: 'other' }, { 'if-match': etag });
    expect(changed).toMatchObject({ status: 200, body: { ...user, email: next } });
    expect((await change({ phone_number: '123456' }, { 'if-match': etag })).status).toBe(412);
    expect((await who.logIn(email)).status).toBe(401);
    expect((await who.logIn(next)).status).toBe(200);
    const other = await who.register({ email });
    expect(await change({ email })).toMatchObject({ status: 409, body: { errors: [{ path: 'email' }] } });
    expect((await change({ email: other.user.username })).status).toBe(422);
    expect((await change({ email: null, phone_number: '123456' })).body).toMatchObject({
      email: null,
      phone_number: '123456',
    });
    expect((await who.logIn(next)).status).toBe(401);
    await who.register({ email: next });
  });

  test('changes at once lose nothing', async () => {
    const { access } = await who.register();
    const email = `${freshName()}@example.com`;
    const patch = (body: unknown) => on.api('PATCH', '/api/auth/me/', { body }, bearer(access));
    const answers = await Promise.all([patch({ email }), patch({ phone_number: '+4930123' })]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await who.me(access)).body).toMatchObject({ email, phone_number: '+4930123' });
  });

  test('changes its password by the old one, and ends its other sessions', async () => {
    const { access, refresh, user } = await who.register();
    const change = (old_password: string, new_password: string, address = freshAddress()) =>
      on.api('POST', '/api/auth/password/', { body: { old_password, new_password }, address }, bearer(access));
    expect(await change('wrong password', 'another password')).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'old_password' }] },
    });
    expect((await change(PASSWORD, 'short')).body.errors[0].path).toBe('new_password');
    expect((await change(PASSWORD, user.username.toUpperCase())).body.errors[0].path).toBe('new_password');
    const changed = await change(PASSWORD, 'another password');
    expect(changed.status).toBe(200);
    expect((await who.refresh(refresh)).status).toBe(401);
    expect((await who.refresh(changed.body.refresh)).status).toBe(200);
    expect((await who.logIn(user.username)).status).toBe(401);
    expect((await who.logIn(user.username, 'another password')).status).toBe(200);
    const address = freshAddress();
    const guesses = await Promise.all(Array.from({ length: 11 }, () => change('wrong password', PASSWORD, address)));
    expect(
      guesses
        .map(({ status }) => status)
        .sort()
        .at(-1),
    ).toBe(429);
  });
});
