import { hkdfSync } from 'node:crypto';
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { env } from './env';

export const secrets = new SecretsManagerClient({});

const FRESH_MS = 5 * 60_000;
const cache = new Map<string, { value: Promise<string | undefined>; until: number }>();

/**
 * A secret's text, kept in memory for five minutes. `AWSPREVIOUS` is what a rotation replaced, undefined before the first.
 * Cost: one Secrets Manager call per secret, function instance and five minutes.
 */
export async function findSecret(arn: string, stage = 'AWSCURRENT'): Promise<string | undefined> {
  const name = `${arn}:${stage}`;
  const cached = cache.get(name);
  if (cached && cached.until > Date.now()) return cached.value;
  const value = secrets.send(new GetSecretValueCommand({ SecretId: arn, VersionStage: stage })).then(
    ({ SecretString }) => SecretString,
    (error: unknown) => {
      cache.delete(name);
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    },
  );
  cache.set(name, { value, until: Date.now() + FRESH_MS });
  return value;
}

/** Forgets what `findSecret` keeps, e.g. after a rotation by this very function. */
export const forgetSecrets = (): void => cache.clear();

/** 32 bytes for one purpose, derived from a secret text (HKDF-SHA-256, RFC 5869): purposes cannot be told from each other. */
export const deriveKey = (secret: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, 'mercato', purpose, 32));

/** A key for one purpose of this context, derived from the context's own secret (`CONTEXT_SECRET_ARN`). */
export async function contextKey(purpose: string): Promise<Buffer> {
  const secret = await findSecret(env('CONTEXT_SECRET_ARN'));
  if (!secret) throw new Error('the secret of this context is missing');
  return deriveKey(secret, purpose);
}
