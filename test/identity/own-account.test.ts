import '../support/quick-passwords';
import { bearer, freshAddress, freshName, type Identity, openIdentity, PASSWORD } from './people';

let { on, who } = {} as Identity;
beforeAll(async () => {
  ({ on, who } = await openIdentity());
});
afterAll(() => on.close());

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

  test('is not shut out for new passwords that are refused', async () => {
    const { access, user } = await who.register();
    const address = freshAddress();
    const body = { old_password: PASSWORD, new_password: user.username };
    for (let tried = 0; tried < 11; tried++) {
      const { status } = await on.api('POST', '/api/auth/password/', { body, address }, bearer(access));
      expect(status).toBe(422);
    }
  });
});
