import '../support/quick-passwords';
import { GetSecretValueCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { decodeJwt } from 'jose';
import { documents } from '../../lambdas/kernel/documents';
import { secrets } from '../../lambdas/kernel/secret';
import { type SetUp, setUp } from './admin';
import { freshName, linesOf, newInstance, PASSWORD, stopCalendar } from './people';

describe('the first admin', () => {
  let given: SetUp;
  beforeEach(async () => {
    given = await setUp();
    Object.assign(process.env, given.on.named('Identity/Api').environment);
  });
  afterEach(() => given.on.close());

  const SecretId = () => process.env['ADMIN_SECRET_ARN'];
  const secret = async (): Promise<{ username: string; password: string }> =>
    JSON.parse((await secrets.send(new GetSecretValueCommand({ SecretId: SecretId() }))).SecretString ?? '');

  test('is made once, by however many first logins, and not again when it was deleted', async () => {
    const { admin, change, who, userWith } = given;
    const login = await secret();
    const instances = [await newInstance(), await newInstance(), await newInstance(), await newInstance()];
    const answers = await Promise.all(instances.map((call) => call('POST', '/api/auth/login/', login)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const ids = new Set(answers.map(({ body }) => decodeJwt(body.access).sub));
    expect(ids.size).toBe(1);
    expect(decodeJwt(answers[0]?.body.access)['roles']).toEqual(['admin']);
    const { body } = await admin('GET', '/api/users/');
    expect(body.results).toEqual([expect.objectContaining({ username: login.username, roles: ['admin'] })]);

    expect((await who.logIn(login.username, 'admin')).status).toBe(401);
    const [first] = ids;
    expect((await admin('DELETE', `/api/users/${first}/`)).status).toBe(409);
    const other = await userWith('admin');
    expect((await admin('DELETE', `/api/users/${first}/`)).status).toBe(204);
    for (const call of [...instances, await newInstance()]) {
      expect((await call('POST', '/api/auth/login/', login)).status).toBe(401);
    }
    expect((await who.register({ username: login.username })).user.roles).toEqual([]);
    expect((await change(other.uuid, { roles: [] })).status).toBe(409);
  });

  test('has a successor under another name once the marker was deleted, for a shop that lost its last password', async () => {
    const call = await newInstance();
    const logIn = async (login: object) => (await call('POST', '/api/auth/login/', login)).status;
    expect(await logIn(await secret())).toBe(200);
    const rescue = { username: 'rescue', password: 'a new generated password' };
    await secrets.send(new PutSecretValueCommand({ SecretId: SecretId(), SecretString: JSON.stringify(rescue) }));
    const calendar = stopCalendar();
    calendar.move(301);
    expect(await logIn(rescue)).toBe(401);
    const TableName = process.env['TABLE_NAME'];
    await documents.send(new DeleteCommand({ TableName, Key: { pk: 'FIRST_ADMIN', sk: 'FIRST_ADMIN' } }));
    expect(await logIn(rescue)).toBe(200);
  });

  test('does not lose its name to somebody who registers before', async () => {
    const { who } = given;
    const login = await secret();
    const call = await newInstance();
    const username = login.username.toUpperCase();
    expect((await call('POST', '/api/auth/registration/', { username, password: PASSWORD })).status).toBe(409);
    expect((await who.logIn(login.username, login.password)).status).toBe(200);
  });

  test.each(['not JSON, but a secret', '{"username":"admin","password":"short"}'])(
    'that cannot be made of %s keeps nobody else out',
    async (SecretString) => {
      const { user } = await given.who.register();
      await secrets.send(new PutSecretValueCommand({ SecretId: SecretId(), SecretString }));
      const call = await newInstance();
      const lines = await linesOf(async () => {
        const known = { username: user.username, password: PASSWORD };
        expect((await call('POST', '/api/auth/login/', known)).status).toBe(200);
        expect((await call('POST', '/api/auth/login/', { username: 'admin', password: 'short' })).status).toBe(401);
      });
      expect(lines.some(({ message }) => message.startsWith('the secret of the first admin'))).toBe(true);
      for (const { text } of lines) expect(text).not.toContain('but a secret');
    },
  );

  test('does not take over a user whose name is put into the secret later', async () => {
    const { user } = await given.who.register({ username: freshName() });
    const login = { username: user.username, password: 'another password' };
    await secrets.send(new PutSecretValueCommand({ SecretId: SecretId(), SecretString: JSON.stringify(login) }));
    const call = await newInstance();
    const lines = await linesOf(async () => {
      expect((await call('POST', '/api/auth/login/', login)).status).toBe(401);
    });
    expect(lines.some(({ message }) => message === 'the first admin cannot be made')).toBe(true);
    const { body } = await call('POST', '/api/auth/login/', { ...login, password: PASSWORD });
    expect(decodeJwt(body.access)['roles']).toEqual([]);
  });
});
