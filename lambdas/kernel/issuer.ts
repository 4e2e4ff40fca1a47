import { createRemoteJWKSet, decodeJwt, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import * as z from 'zod';
import { type Principal, ROLES } from './contract';
import { env, findEnv } from './env';
import { fixedId } from './id';
import { busy } from './problem';

/** What an OpenID provider says of itself: https://openid.net/specs/openid-connect-discovery-1_0.html, 3 and 4. */
const Discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });

/** Asymmetric ones alone: a shared secret would let whoever checks tokens make them. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const TIMEOUT_MS = 3_000;
const SKEW_SECONDS = 30;
/** Users of an outside issuer get ids of their own, the same each time. */
const NAMESPACE = '0c7a4a0e-6f0f-5b4e-9a55-6f2f6f1f9d11';

let keys: Promise<JWTVerifyGetKey> | undefined;
let keysOf = '';

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`the issuer answered ${response.status}`);
  const found = Discovery.parse(await response.json());
  if (found.issuer !== issuer) throw new Error(`the issuer calls itself ${found.issuer}, expected ${issuer}`);
  // keeps the keys for ten minutes, and looks again for an unknown one, every half a minute at the most
  return createRemoteJWKSet(new URL(found.jwks_uri), { timeoutDuration: TIMEOUT_MS });
}

/** The issuer's keys, found by discovery once a function instance; again after a failure. */
function keysFrom(issuer: string): Promise<JWTVerifyGetKey> {
  if (!keys || keysOf !== issuer) {
    keysOf = issuer;
    keys = discover(issuer).catch((error: unknown) => {
      keys = undefined;
      throw error;
    });
  }
  return keys;
}

/** Whether a token says that it is of the outside issuer that this deployment trusts (`OIDC_ISSUER`). Checks nothing else. */
export function isOfOutsideIssuer(token: string): boolean {
  const issuer = findEnv('OIDC_ISSUER');
  if (!issuer) return false;
  try {
    return decodeJwt(token).iss === issuer;
  } catch {
    return false;
  }
}

/** A claim by its name, which may be a URL, or by its path: `realm_access.roles` for one inside of another. */
const claimAt = (claims: Record<string, unknown>, path: string): unknown =>
  claims[path] ??
  path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], claims);

const rolesOf = (claim: unknown): Principal['roles'] => {
  const given = [claim].flat().flatMap((value) => (typeof value === 'string' ? value.split(' ') : []));
  return ROLES.filter((role) => given.includes(role));
};

/** What speaks of the issuer's keys, not of the token: no answer, another status than 200, or nonsense. */
const OF_THE_KEYS = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);

const isUnreachable = (error: unknown): boolean => !(error instanceof errors.JOSEError) || OF_THE_KEYS.has(error.code);

/**
 * The user of a token of the outside issuer: signature, issuer, audience (`OIDC_AUDIENCE`) and times hold, roles are those
 * of its role claim (`OIDC_ROLE_CLAIM`) that we know. @throws jose's error for a bad token, Problem 503 when the issuer
 * does not answer and its keys are not known yet
 */
export async function outsideUser(token: string): Promise<{ principal: Principal; exp: number }> {
  try {
    const { payload } = await jwtVerify(token, await keysFrom(env('OIDC_ISSUER')), {
      issuer: env('OIDC_ISSUER'),
      audience: env('OIDC_AUDIENCE'),
      algorithms: ALGORITHMS,
      requiredClaims: ['sub', 'exp'],
      clockTolerance: SKEW_SECONDS,
    });
    const { iss = '', sub = '', exp = 0 } = payload;
    const name = [payload['preferred_username'], payload['email'], sub].find((value) => typeof value === 'string');
    const roles = rolesOf(claimAt(payload, findEnv('OIDC_ROLE_CLAIM') ?? 'roles'));
    const id = fixedId(`${iss}\n${sub}`, NAMESPACE);
    const principal = {
      kind: 'user',
      id,
      name: String(name).slice(0, 150),
      roles,
      scopes: [],
      isOutside: true,
    } as const;
    return { principal, exp };
  } catch (error) {
    if (isUnreachable(error)) throw busy('the issuer of the token does not answer, try again');
    throw error;
  }
}
