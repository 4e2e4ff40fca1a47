import { clientOf } from '../client/client';
import type { Routes } from '../client/operations';
import { MercatoProblem } from '../client/problem';
import type { Principal, Role } from '../lambdas/kernel/contract';
import { arrive, ISSUER, principalOf, renewed, type Tokens } from './outside';

declare const OPERATIONS: Routes;

/** Without credentials: what begins and continues a session proves it by the cookie. */
const open = clientOf(OPERATIONS, new URL('.', location.href).href);

/** Says that there is a cookie worth trying, for a page cannot see it. */
const MARK = 'mercato.session';
/** Tokens are renewed this long before they end. */
const EARLY_MS = 30_000;

let access: string | undefined;
let endsAt = 0;
let renewal: Promise<void> | undefined;

function keep(tokens: { access: string; expires_in: number } | undefined): void {
  access = tokens?.access;
  endsAt = tokens ? Date.now() + tokens.expires_in * 1_000 : 0;
  if (tokens) localStorage.setItem(MARK, '1');
  else localStorage.removeItem(MARK);
}

/** Whether a failure says that there is no session any more; all else may pass. */
export const isOver = (error: unknown): boolean =>
  error instanceof MercatoProblem && error.status < 500 && error.status !== 429;

async function renew(): Promise<void> {
  try {
    keep(await open.continueBrowserSession());
  } catch (error) {
    if (isOver(error)) keep(undefined);
    throw error;
  }
}

/** How long a token is taken to be good for whose issuer does not say. */
const OUTSIDE_SECONDS = 300;
/** Of the outside issuer, in memory alone: after a reload it is asked again. */
let outside: Tokens | undefined;
let failure: string | undefined;

function keepOutside(tokens: Tokens | undefined): void {
  outside = tokens;
  if (tokens) endsAt = Date.now() + (tokens.expires_in ?? OUTSIDE_SECONDS) * 1_000;
}

async function renewOutside(): Promise<void> {
  try {
    if (!ISSUER || !outside?.refresh_token) throw new Error('it cannot be renewed');
    const { refresh_token } = outside;
    keepOutside({ refresh_token, ...(await renewed(ISSUER, refresh_token)) });
  } catch {
    if (Date.now() > endsAt) keepOutside(undefined);
  }
}

/** Whoever comes back from the outside issuer is logged in before anything is asked. */
const arrival = arrive().then(keepOutside, (error: unknown) => {
  failure = error instanceof Error ? error.message : String(error);
});

/** Why the login by the outside issuer failed that somebody comes back from. */
export async function arrivalFailure(): Promise<string | undefined> {
  await arrival;
  return failure;
}

/** The header that proves who calls; a token that is about to end is renewed first, once for all who ask. */
export async function authorization(): Promise<string | undefined> {
  await arrival;
  if (Date.now() > endsAt - EARLY_MS && (outside || localStorage.getItem(MARK))) {
    renewal ??= (outside ? renewOutside() : renew()).finally(() => {
      renewal = undefined;
    });
    await renewal.catch((error: unknown) => {
      if (isOver(error) || Date.now() > endsAt) throw error;
    });
  }
  const token = outside?.access_token ?? access;
  return token && `Bearer ${token}`;
}

export async function logIn(username: string, password: string): Promise<void> {
  keepOutside(undefined);
  keep(await open.openBrowserSession({ body: { username, password } }));
}

/** Of the outside issuer the token is forgotten; who is logged in there stays so. */
export async function logOut(): Promise<void> {
  keep(undefined);
  if (outside) return keepOutside(undefined);
  await open.closeBrowserSession();
}

interface Claims {
  sub: string;
  username: string;
  roles: Role[];
}

/** What a token says, which the API checks. */
function claimsOf(token: string): unknown {
  const payload = token.split('.')[1] ?? '';
  const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Who is logged in, by the token. */
export function principal(): Principal | undefined {
  if (outside && ISSUER) return principalOf(claimsOf(outside.access_token) as Record<string, unknown>, ISSUER);
  if (!access) return undefined;
  const { sub, username, roles } = claimsOf(access) as Claims;
  return { kind: 'user', id: sub, name: username, roles, scopes: [] };
}
