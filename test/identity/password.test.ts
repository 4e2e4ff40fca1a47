import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { argon2id } from 'hash-wasm';
import { documents } from '../../lambdas/kernel/documents';
import { type Platform, platform } from '../support/platform';
import { freshName, PASSWORD, people } from './people';

let on: Platform;
let who: ReturnType<typeof people>;
beforeAll(async () => {
  on = await platform('identity');
  who = people(on);
});
afterAll(() => on.close());

describe('a password', () => {
  test('costs the same to try whether or not there is the user', async () => {
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
