import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { argon2id, argon2Verify } from 'hash-wasm';
import { documents } from '../../lambdas/kernel/documents';
import { freshName, type Identity, openIdentity, PASSWORD } from './people';

jest.mock('hash-wasm', () => {
  const real = jest.requireActual<typeof import('hash-wasm')>('hash-wasm');
  return { ...real, argon2Verify: jest.fn(real.argon2Verify) };
});

let { on, who } = {} as Identity;
beforeAll(async () => {
  ({ on, who } = await openIdentity());
});
afterAll(() => on.close());

describe('a password', () => {
  test('costs the same to try whether or not there is the user', async () => {
    const { user } = await who.register();
    const tried = jest.mocked(argon2Verify);
    for (const name of [user.username, freshName()]) {
      tried.mockClear();
      expect((await who.logIn(name, 'wrong password')).status).toBe(401);
      expect(tried.mock.calls).toMatchObject([[{ hash: expect.stringContaining('$argon2id$v=19$m=19456,t=2,p=1$') }]]);
    }
  });

  test('has its old hash brought to the parameters of today by a login', async () => {
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

  test('is the same however its letters are composed', async () => {
    const { user } = await who.register({ password: 'Zürich-Écluse' });
    expect((await who.logIn(user.username, 'Zürich-Écluse'.normalize('NFD'))).status).toBe(200);
  });
});
