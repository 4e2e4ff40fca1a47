import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import * as z from 'zod';
import { commit } from '../kernel/commit';
import { SIGNING_KEYS, SigningKeys } from '../kernel/credentials';
import { env } from '../kernel/env';
import { findSecret, forgetSecrets } from '../kernel/secret';
import { table } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  publicJwk: { kty: 'EC'; crv: 'P-256'; x: string; y: string; kid: string; alg: 'ES256'; use: 'sig' };
}

/** The order of P-256's group: FIPS 186-5 by way of SP 800-186, 3.2.1.3. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * The key pair that a secret text stands for: the same text, the same key, on every instance. HKDF-SHA-256 (RFC 5869)
 * gives 48 bytes; FIPS 186-5, A.2.1 makes a private key of them: mod n - 1, plus 1. `kid` is the RFC 7638 thumbprint.
 */
export async function keyOf(secret: string): Promise<SigningKey> {
  const bytes = Buffer.from(hkdfSync('sha256', secret, 'mercato', 'token-signing-key', 48));
  const scalar = (BigInt(`0x${bytes.toString('hex')}`) % (ORDER - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(d);
  const point = pair.getPublicKey();
  // uncompressed, SEC 1, 2.3.3: 04, then both coordinates
  const x = point.subarray(1, 33).toString('base64url');
  const y = point.subarray(33).toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', x, y } as const;
  const kid = await calculateJwkThumbprint(jwk);
  const privateKey = createPrivateKey({ key: { ...jwk, d: d.toString('base64url') }, format: 'jwk' });
  return { kid, privateKey, publicJwk: { ...jwk, kid, alg: 'ES256', use: 'sig' } };
}

const derived = new Map<string, Promise<SigningKey>>();
const MOST_DERIVED = 4;

async function keyAt(stage: 'AWSCURRENT' | 'AWSPREVIOUS'): Promise<SigningKey | undefined> {
  const secret = await findSecret(env('SIGNING_SECRET_ARN'), stage);
  if (!secret) return undefined;
  if (derived.size > MOST_DERIVED) derived.clear();
  const key = derived.get(secret) ?? keyOf(secret);
  derived.set(secret, key);
  return key;
}

async function currentKey(): Promise<SigningKey> {
  const key = await keyAt('AWSCURRENT');
  if (!key) throw new Error('the signing secret is missing');
  return key;
}

const Published = SigningKeys.extend({ published_at: z.string().optional() });
type Published = z.output<typeof Published>;

const keys = table();
const findPublished = (): Promise<Published | undefined> => keys.find(Published, SIGNING_KEYS);
const names = (set: Published | undefined, { kid }: SigningKey) => set?.keys.some((one) => one.kid === kid) ?? false;

/** Puts the current key before the previous one; earlier ones, which a second rotation has disowned, go. */
const publish = (): Promise<Published> =>
  untilWritten(async () => {
    // a rotation may be younger than what is kept in memory: an old key must not displace a new one
    forgetSecrets();
    const stored = await findPublished();
    const current = await currentKey();
    if (stored && names(stored, current)) return stored;
    const previous = await keyAt('AWSPREVIOUS');
    const set = { keys: [current, ...(previous ? [previous] : [])].map(({ publicJwk }) => publicJwk) };
    const published_at = new Date().toISOString();
    const condition = stored ? { equals: { published_at: stored.published_at } } : { exists: false };
    await commit({ writes: [keys.put({ ...SIGNING_KEYS, ...set, published_at }, condition)] });
    return { ...set, published_at };
  });

let known: Published | undefined;

/** A new key signs this long after it was published: other instances look for unknown keys every five seconds at most. */
const SETTLING_MS = 10_000;

/**
 * The key to sign with, published in the table where all contexts read it before its first signature leaves.
 * Costs nothing while the secret stays; one read an instance, one write a rotation.
 */
export async function signingKey(): Promise<SigningKey> {
  const current = await currentKey();
  if (!names(known, current)) known = await findPublished();
  if (!names(known, current)) known = await publish();
  const [newest, before] = known?.keys ?? [];
  const settling = Date.now() - Date.parse(known?.published_at ?? '') < SETTLING_MS;
  if (!settling || !before || newest?.kid !== current.kid) return currentKey();
  const previous = await keyAt('AWSPREVIOUS');
  return previous?.kid === before.kid ? previous : currentKey();
}

/** The public keys that a token of today may be signed with. One read. */
export async function publicKeys(): Promise<SigningKey['publicJwk'][]> {
  await signingKey();
  return ((await findPublished())?.keys ?? []) as unknown as SigningKey['publicJwk'][];
}
