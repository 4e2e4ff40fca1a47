import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { importJWK, type JWK, jwtVerify } from 'jose';
import * as z from 'zod';
import { type Principal, ROLES, SCOPES, type Scope } from './contract';
import { delegatedBy } from './delegation';
import { isOfOutsideIssuer, outsideUser } from './issuer';
import { log } from './log';
import { Problem } from './problem';
import { contextKey } from './secret';
import { type Key, table, writeOne } from './table';

/** Where identity keeps what every context needs to check credentials: read here, written by identity alone. */
const credentials = table('CREDENTIALS_TABLE');

export const ISSUER = 'mercato';
export const SIGNING_KEYS: Key = { pk: 'SIGNING_KEYS', sk: 'SIGNING_KEYS' };
export const SigningKeys = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });

export const apiKeyItem = (prefix: string): Key => ({ pk: `API_KEY#${prefix}`, sk: 'API_KEY' });
export const hashApiKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** What is checked of an API key. More than one hash while it is being replaced. */
export const StoredApiKey = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  roles: z.array(z.enum(ROLES)),
  scopes: z.array(z.enum(SCOPES)),
  expires_at: z.string().nullable(),
  hashes: z.array(z.object({ hash: z.string(), until: z.string().nullable() })),
  last_used_at: z.string().nullable(),
});

const Claims = z.object({ sub: z.string(), username: z.string(), roles: z.array(z.enum(ROLES)), exp: z.number() });

export const unauthorized = (detail: string): Problem =>
  new Problem(401, detail, { headers: { 'www-authenticate': 'Bearer realm="mercato", Api-Key realm="mercato"' } });

type PublicKey = Awaited<ReturnType<typeof importJWK>>;
let publicKeys = new Map<string, PublicKey>();
let keysReadAt = 0;
const KEYS_PAUSE_MS = 5_000;

/**
 * A signing key unknown so far may be a new one: the set is read again, but not more often than every five seconds (a new
 * key is published longer before it signs), and while there is none at all, each time.
 */
async function publicKey(kid: string): Promise<PublicKey | undefined> {
  const isPaused = publicKeys.size > 0 && Date.now() - keysReadAt <= KEYS_PAUSE_MS;
  if (!publicKeys.has(kid) && !isPaused) {
    keysReadAt = Date.now();
    const stored = await credentials.find(SigningKeys, SIGNING_KEYS);
    publicKeys = new Map(
      await Promise.all(
        (stored?.keys ?? []).map(async (jwk) => [jwk.kid, await importJWK(jwk as JWK, 'ES256')] as const),
      ),
    );
  }
  return publicKeys.get(kid);
}

/** Tokens whose signature was checked, until they expire: a signature costs 150 µs, a look-up none. */
const checked = new Map<string, { principal: Principal; exp: number }>();
const CHECKED_MOST = 1_000;

async function userOf(token: string): Promise<Principal> {
  const known = checked.get(token);
  if (known && known.exp * 1_000 > Date.now()) return known.principal;
  try {
    const user = isOfOutsideIssuer(token) ? await outsideUser(token) : await ownUser(token);
    if (checked.size >= CHECKED_MOST) checked.clear();
    checked.set(token, user);
    return user.principal;
  } catch (error) {
    if (isTransient(error) || error instanceof Problem) throw error;
    throw unauthorized('the token is not valid or has expired');
  }
}

async function ownUser(token: string): Promise<{ principal: Principal; exp: number }> {
  const { payload } = await jwtVerify(
    token,
    async ({ kid = '' }) => {
      const key = await publicKey(kid);
      if (!key) throw new Error(`no key ${kid}`);
      return key;
    },
    { issuer: ISSUER, audience: ISSUER, algorithms: ['ES256'] },
  );
  const { sub, username, roles, exp } = Claims.parse(payload);
  return { principal: { kind: 'user', id: sub, name: username, roles, scopes: [] }, exp };
}

const isTransient = (error: unknown): boolean => error instanceof Error && '$metadata' in error;

const LAST_USED_STEP_MS = 60_000;

/** One read a call, so that a revoked key stops at once; `last_used_at` is written at most once a minute. */
async function apiKeyOwner(key: string): Promise<Principal> {
  const prefix = /^mk_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}$/.exec(key)?.[1];
  const stored = prefix ? await credentials.find(StoredApiKey, apiKeyItem(prefix)) : undefined;
  const at = new Date().toISOString();
  const hash = Buffer.from(hashApiKey(key));
  const matches = stored?.hashes.some(
    (one) => (one.until === null || one.until > at) && timingSafeEqual(Buffer.from(one.hash), hash),
  );
  if (!stored || !matches) throw unauthorized('the API key is not valid');
  if (stored.expires_at !== null && stored.expires_at <= at) throw unauthorized('the API key has expired');
  if (!stored.last_used_at || Date.parse(at) - Date.parse(stored.last_used_at) > LAST_USED_STEP_MS) {
    await writeOne(
      credentials.update(apiKeyItem(stored.prefix), { set: { last_used_at: at } }, { exists: true }),
    ).catch((error: unknown) => log('warn', 'last use of the API key not noted', { prefix: stored.prefix, error }));
  }
  return { kind: 'api_key', id: stored.id, name: stored.name, roles: stored.roles, scopes: stored.scopes };
}

const resourceMac = async (scope: Scope, resource: string): Promise<string> =>
  createHmac('sha256', await contextKey('resource-key'))
    .update(`${scope}\n${resource}`)
    .digest('base64url');

/** An API key for one scope of one resource of this context. Derived from the context's secret: nothing is stored of it. */
export const resourceKey = async (scope: Scope, resource: string): Promise<string> =>
  `mr_${scope}_${resource}_${await resourceMac(scope, resource)}`;

async function resourceKeyOwner(key: string): Promise<Principal> {
  const [, scope, resource, mac] = /^mr_([a-z:]{1,40})_([0-9a-f-]{36})_([A-Za-z0-9_-]{43})$/.exec(key) ?? [];
  if (!scope || !resource || !mac || !(SCOPES as readonly string[]).includes(scope)) {
    throw unauthorized('the API key is not valid');
  }
  const expected = Buffer.from(await resourceMac(scope as Scope, resource));
  if (!timingSafeEqual(expected, Buffer.from(mac))) throw unauthorized('the API key is not valid');
  return { kind: 'api_key', id: resource, name: `key of ${resource}`, roles: [], scopes: [scope as Scope], resource };
}

/**
 * Who calls, from `Authorization: Bearer|Token <token>`, `Authorization: Api-Key <key>` or `X-Api-Key`; undefined
 * without credentials. @throws Problem 401
 */
export async function principalOf(header: (name: string) => string | undefined): Promise<Principal | undefined> {
  const authorization = header('authorization');
  const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec(authorization?.trim() ?? '') ?? [];
  const bearer = /^(bearer|token)$/i.test(scheme) ? value : undefined;
  const apiKey = /^api-key$/i.test(scheme) ? value : authorization ? undefined : header('x-api-key');
  if (bearer) return userOf(bearer);
  if (apiKey) return apiKey.startsWith('mr_') ? resourceKeyOwner(apiKey) : apiKeyOwner(apiKey);
  if (/^delegation$/i.test(scheme)) {
    const principal = await delegatedBy(value);
    if (principal) return principal;
  }
  if (authorization) throw unauthorized('expected Authorization: Bearer <token> or Api-Key <key>');
  return undefined;
}
