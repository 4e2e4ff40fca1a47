import '../support/quick-passwords';
import { setFault } from '../support/faults';
import { freshName, type Identity, linesOf, openIdentity, PASSWORD } from './people';

let { on, who } = {} as Identity;
beforeAll(async () => {
  ({ on, who } = await openIdentity());
});
afterAll(() => on.close());
afterEach(() => setFault(undefined));

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

  test('succeeds though the answer to what it writes was lost', async () => {
    const { user } = await who.register();
    setFault(({ command }) => (command === 'PutItemCommand' ? 'twice' : undefined));
    const { status, body } = await who.logIn(user.username);
    expect(status).toBe(200);
    expect((await who.refresh(body.refresh)).status).toBe(200);
  });
});
