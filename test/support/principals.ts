import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Role, Scope } from '../../lambdas/kernel/contract';
import { apiKeyItem, hashApiKey, ISSUER, SIGNING_KEYS } from '../../lambdas/kernel/credentials';
import { table, writeOne } from '../../lambdas/kernel/table';

/** A caller of the API: its id and the headers to call with. */
export interface Caller {
  id: string;
  headers: Record<string, string>;
}

const KEY_ID = 'test';

/** Makes callers of every kind against a private copy's credentials, without the identity context. */
export async function callers() {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: KEY_ID, alg: 'ES256', use: 'sig' };
  const credentials = table('CREDENTIALS_TABLE');
  await writeOne(credentials.put({ ...SIGNING_KEYS, keys: [jwk] }));

  return {
    async user(...roles: Role[]): Promise<Caller> {
      const id = randomUUID();
      const token = await new SignJWT({ username: `u-${id.slice(0, 8)}`, roles })
        .setProtectedHeader({ alg: 'ES256', kid: KEY_ID })
        .setIssuer(ISSUER)
        .setAudience(ISSUER)
        .setSubject(id)
        .setExpirationTime('2h')
        .sign(privateKey);
      return { id, headers: { authorization: `Bearer ${token}` } };
    },

    async apiKey(grants: { roles?: Role[]; scopes?: Scope[] }): Promise<Caller> {
      const id = randomUUID();
      const prefix = randomUUID().replaceAll('-', '').slice(0, 8);
      const key = `mk_${prefix}_${Buffer.from(randomUUID() + randomUUID())
        .toString('base64url')
        .slice(0, 43)}`;
      const at = new Date().toISOString();
      await writeOne(
        credentials.put({
          ...apiKeyItem(prefix),
          id,
          name: 'test',
          prefix,
          roles: grants.roles ?? [],
          scopes: grants.scopes ?? [],
          expires_at: null,
          hashes: [{ hash: hashApiKey(key), until: null }],
          created_at: at,
          last_used_at: at,
        }),
      );
      return { id, headers: { authorization: `Api-Key ${key}` } };
    },
  };
}
