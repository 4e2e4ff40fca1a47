import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import * as z from 'zod';
import type { Call } from '../kernel/call';
import { ConditionFailed, commit, commitIf } from '../kernel/commit';
import { ISSUER, unauthorized } from '../kernel/credentials';
import type { Handler } from '../kernel/http';
import { log } from '../kernel/log';
import { contextKey } from '../kernel/secret';
import { table, type Write, writeOne } from '../kernel/table';
import type { IdentityContract } from './contract';
import { makeFirstAdmin } from './first-admin';
import { hashPassword, isOutdated, isPassword } from './password';
import type { Tokens } from './schema';
import { signingKey } from './signing-key';
import { beginAttempt } from './throttle';
import { findByLogin, findUser, type StoredUser, save } from './users';

type Verbs = typeof IdentityContract;

const ACCESS_SECONDS = 600;
export const REFRESH_SECONDS = 30 * 86_400;
/** How long the very same refresh may be repeated, for an answer that was lost on its way. */
const REPEAT_MS = 10_000;

/** A session: the chain of refresh tokens that began with one login. Only hashes of them are kept. */
const Family = z.object({
  user: z.string(),
  /** The user's epoch when it began. */
  epoch: z.int(),
  hash: z.string(),
  previous: z.string().optional(),
  rotated_at: z.string().optional(),
  /** How often it was refreshed: as many secrets came before the present one. */
  turns: z.int().default(0),
  expires_at: z.number(),
});
type Family = z.output<typeof Family>;

const families = table();
const familyKey = (id: string) => ({ pk: `FAMILY#${id}`, sk: 'FAMILY' });

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/** `rt_<family>_<256 bits>` */
const format = (family: string, secret: string): string => `rt_${family}_${secret}`;
const parse = (token: string): [family: string, secret: string] | undefined => {
  const [, family, secret] = /^rt_([0-9a-f-]{36})_([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  return family && secret ? [family, secret] : undefined;
};

/** The secret that follows a secret. Derived, so that a repeated refresh can be given the same one without storing it. */
const follow = (key: Buffer, secret: string): string => createHmac('sha256', key).update(secret).digest('base64url');

const successor = async (secret: string): Promise<string> => follow(await contextKey('refresh-token'), secret);

/** Whether we ever gave a secret for a family: its present one then follows from it. Two hashes for each refresh so far. */
async function isOf({ hash, turns }: Family, secret: string): Promise<boolean> {
  const key = await contextKey('refresh-token');
  let one = secret;
  for (let turn = 0; turn < turns && hashOf(one) !== hash; turn++) one = follow(key, one);
  return hashOf(one) === hash;
}

const expiresAt = (): number => Math.floor(Date.now() / 1_000) + REFRESH_SECONDS;

async function tokensFor({ uuid, username, roles }: StoredUser, refresh: string): Promise<Tokens> {
  const { kid, privateKey } = await signingKey();
  const issuedAt = Math.floor(Date.now() / 1_000);
  const access = await new SignJWT({ username, roles })
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
    .setIssuer(ISSUER)
    .setAudience(ISSUER)
    .setSubject(uuid)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ACCESS_SECONDS)
    .sign(privateKey);
  return { access, refresh, token: access, token_type: 'Bearer', expires_in: ACCESS_SECONDS };
}

/** A new session of a user: its tokens, and the write that makes them good. */
export async function newSession(user: StoredUser): Promise<{ tokens: Tokens; write: Write }> {
  const id = randomUUID();
  const secret = randomBytes(32).toString('base64url');
  const family = { user: user.uuid, epoch: user.epoch, hash: hashOf(secret), expires_at: expiresAt() };
  return {
    tokens: await tokensFor(user, format(id, secret)),
    write: families.put({ ...familyKey(id), ...family }, { exists: false }),
  };
}

/** Brings a password's hash to today's parameters. Somebody else's change of the user goes before. */
async function rehash(user: StoredUser, password: string): Promise<void> {
  try {
    await save(user, { ...user, password_hash: await hashPassword(password) });
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
  }
}

type Attempt = Pick<Call<Verbs['logIn']>, 'body' | 'address'>;

/** Begins a session for whoever knows the password. @throws Problem 401 or 429 */
export async function beginSession({ body: { name, password }, address }: Attempt): Promise<Tokens> {
  const attempt = await beginAttempt(name, address);
  await makeFirstAdmin(name);
  const user = await findByLogin(name);
  const isRight = await isPassword(password, user?.password_hash);
  if (!user?.is_active || !isRight) {
    const reason = user ? (isRight ? 'not active' : 'wrong password') : 'no such user';
    log('warn', 'login refused', { reason, user: user?.uuid, ...attempt.ids });
    throw unauthorized('the name or the password is wrong');
  }
  if (isOutdated(user.password_hash)) await rehash(user, password);
  const { tokens, write } = await newSession(user);
  // the id is new: if it is there, this very write was repeated because its answer was lost
  await Promise.all([commitIf({ writes: [write] }), attempt.succeed()]);
  return tokens;
}

export const logIn: Handler<Verbs['logIn']> = (call) => beginSession(call);

const refused = (reason: string, ids: Record<string, string> = {}) => {
  log('warn', 'refresh refused', { reason, ...ids });
  return unauthorized('the refresh token is not valid any more: log in again');
};

/** Names a session in logs; its own name is half of what ends it. */
const namedInLogs = (id: string): string => hashOf(id).slice(0, 16);

/** The next tokens of a session, for its present refresh token. @throws Problem 401 */
export async function continueSession(refresh: string): Promise<Tokens> {
  const [id, secret] = parse(refresh) ?? [];
  if (!id || !secret) throw refused('not a refresh token');
  const family = await families.find(Family, familyKey(id));
  if (!family || family.expires_at * 1_000 <= Date.now()) throw refused('no such session', { family: namedInLogs(id) });
  const ids = { family: namedInLogs(id), user: family.user };
  const user = await findUser(family.user);
  if (!user?.is_active || user.epoch !== family.epoch) throw refused('the session was ended', ids);
  const hash = hashOf(secret);
  const next = await successor(secret);
  const tokens = () => tokensFor(user, format(id, next));
  if (hash === family.hash) {
    const rotated_at = new Date().toISOString();
    const set = { hash: hashOf(next), previous: hash, rotated_at, expires_at: expiresAt() };
    try {
      await commit({ writes: [families.update(familyKey(id), { set, add: { turns: 1 } }, { equals: { hash } })] });
      return tokens();
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      // the same token was used a moment ago, or the session has ended: look again
      return continueSession(refresh);
    }
  }
  const isRepeat = hash === family.previous && hashOf(next) === family.hash;
  if (isRepeat && Date.now() - Date.parse(family.rotated_at ?? '') <= REPEAT_MS) return tokens();
  if (!(await isOf(family, secret))) throw refused('never a token of this session', ids);
  await writeOne(families.delete(familyKey(id)));
  throw refused('used again: the session is ended', ids);
}

export const refreshTokens: Handler<Verbs['refreshTokens']> = async ({ body }) => continueSession(body.refresh);

/** Ends the session of any of its refresh tokens; what is none is ended already (RFC 7009, 2.2). */
export async function endSession(refresh: string): Promise<void> {
  const [id, secret] = parse(refresh) ?? [];
  const family = id && (await families.find(Family, familyKey(id)));
  if (family && secret && (await isOf(family, secret))) await writeOne(families.delete(familyKey(id)));
}

export const logOut: Handler<Verbs['logOut']> = async ({ body }) => {
  await endSession(body.refresh);
  return undefined;
};
