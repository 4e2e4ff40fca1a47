import '../support/quick-passwords';
import { createPublicKey } from 'node:crypto';
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { keyOf } from '../../lambdas/identity/signing-key';
import { documents } from '../../lambdas/kernel/documents';
import { secrets } from '../../lambdas/kernel/secret';
import { bearer, freshName, type Identity, newInstance, openIdentity, PASSWORD, stopCalendar } from './people';

let { on, who } = {} as Identity;
beforeAll(async () => {
  ({ on, who } = await openIdentity());
  Object.assign(process.env, on.named('Identity/Api').environment);
});
afterAll(() => on.close());

describe('the signing key', () => {
  test('of a secret is always the same valid key of P-256, another for another secret', async () => {
    const kids = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(fc.string(), async (secret) => {
        const { kid, privateKey, publicJwk } = await keyOf(secret);
        const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
        expect(publicJwk).toMatchObject({ kty, crv, x, y, kid });
        expect((await keyOf(secret)).kid).toBe(kid);
        expect(kids.get(kid) ?? secret).toBe(secret);
        kids.set(kid, secret);
      }),
      { numRuns: 200 },
    );
  });

  async function instance() {
    const call = await newInstance();
    return {
      logIn: async (username: string) => {
        const { status, body } = await call('POST', '/api/auth/login/', { username, password: PASSWORD });
        expect(status).toBe(200);
        return { ...body, kid: decodeProtectedHeader(body.access).kid };
      },
      refresh: (refresh: string) => call('POST', '/api/auth/refresh/', { refresh }),
      me: async (token: string) => (await call('GET', '/api/auth/me/', undefined, bearer(token).headers)).status,
      kids: async (): Promise<string[]> =>
        (await call('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid),
    };
  }

  const rotate = (SecretString: string) =>
    secrets.send(
      new PutSecretValueCommand({
        SecretId: on.named('Identity/Api').environment['SIGNING_SECRET_ARN'],
        SecretString,
      }),
    );

  test('is published once, whoever signs first', async () => {
    const TableName = process.env['TABLE_NAME'];
    await documents.send(new DeleteCommand({ TableName, Key: { pk: 'SIGNING_KEYS', sk: 'SIGNING_KEYS' } }));
    const { user } = await who.register();
    await documents.send(new DeleteCommand({ TableName, Key: { pk: 'SIGNING_KEYS', sk: 'SIGNING_KEYS' } }));
    const instances = [await instance(), await instance(), await instance()];
    const tokens = await Promise.all(instances.map((one) => one.logIn(user.username)));
    expect(new Set(tokens.map(({ kid }) => kid)).size).toBe(1);
    expect(await instances[0]?.kids()).toEqual([tokens[0].kid]);
    for (const one of instances) for (const { access } of tokens) expect(await one.me(access)).toBe(200);
  });

  test('is rotated without logging anybody out', async () => {
    const { user } = await who.register();
    const warm = await instance();
    const early = await warm.logIn(user.username);
    await rotate(freshName());

    // an instance without the old secret in memory publishes the new key, but lets it settle
    const fresh = await instance();
    const calendar = stopCalendar();
    const meanwhile = await fresh.logIn(user.username);
    expect(meanwhile.kid).toBe(early.kid);
    const [newKid, ...others] = await fresh.kids();
    expect(others).toEqual([early.kid]);

    calendar.move(11);
    const late = await fresh.logIn(user.username);
    expect(late.kid).toBe(newKid);
    const stillOld = await warm.logIn(user.username);
    expect(stillOld.kid).toBe(early.kid);
    for (const one of [warm, fresh, await instance()]) {
      for (const { access } of [early, meanwhile, late, stillOld]) expect(await one.me(access)).toBe(200);
    }
    expect((await fresh.refresh(early.refresh)).status).toBe(200);
    expect((await warm.refresh(late.refresh)).status).toBe(200);

    // what the warm instance keeps of the secret is forgotten after five minutes
    calendar.move(300);
    expect((await warm.logIn(user.username)).kid).toBe(newKid);
  });

  test('that was rotated twice is no key any more, and an old instance does not bring it back', async () => {
    const { user } = await who.register();
    const first = await (await instance()).logIn(user.username);
    const stale = await instance();
    await stale.logIn(user.username);
    await rotate(freshName());
    const second = await (await instance()).kids();
    await rotate(freshName());
    const fresh = await instance();
    const third = await fresh.kids();
    expect(third).toHaveLength(2);
    expect(third[1]).toBe(second[0]);
    await stale.logIn(user.username);
    expect(await fresh.kids()).toEqual(third);
    expect(third).not.toContain(first.kid);
    expect(await fresh.me(first.access)).toBe(401);
    expect((await fresh.refresh(first.refresh)).status).toBe(200);
    expect(decodeJwt(first.access).sub).toBe(user.uuid);
  });

  test('of before two rotations is not published by an instance that read it before them', async () => {
    const fresh = await instance();
    await fresh.kids();
    let early: { signingKey: () => Promise<{ kid: string }> } | undefined;
    await jest.isolateModulesAsync(async () => {
      const { findSecret } = await import('../../lambdas/kernel/secret');
      await findSecret(on.named('Identity/Api').environment['SIGNING_SECRET_ARN'] ?? '');
      early = await import('../../lambdas/identity/signing-key');
    });
    await rotate(freshName());
    await (await instance()).kids();
    await rotate(freshName());
    const latest = await (await instance()).kids();
    expect(latest).toContain((await early?.signingKey())?.kid);
    expect(await fresh.kids()).toEqual(latest);
  });
});
