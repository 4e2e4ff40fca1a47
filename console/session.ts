import { clientOf } from '../client/client';
import type { Routes } from '../client/operations';
import { MercatoProblem } from '../client/problem';
import type { Principal, Role } from '../lambdas/kernel/contract';

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

/** The header that proves who calls; a token that is about to end is renewed first, once for all who ask. */
export async function authorization(): Promise<string | undefined> {
  if (Date.now() > endsAt - EARLY_MS && localStorage.getItem(MARK)) {
    renewal ??= renew().finally(() => {
      renewal = undefined;
    });
    await renewal.catch((error: unknown) => {
      if (isOver(error) || Date.now() > endsAt) throw error;
    });
  }
  return access && `Bearer ${access}`;
}

export async function logIn(username: string, password: string): Promise<void> {
  keep(await open.openBrowserSession({ body: { username, password } }));
}

export async function logOut(): Promise<void> {
  keep(undefined);
  await open.closeBrowserSession();
}

interface Claims {
  sub: string;
  username: string;
  roles: Role[];
}

/** Who is logged in, by the token. */
export function principal(): Principal | undefined {
  const payload = access?.split('.')[1];
  if (!payload) return undefined;
  const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
  const { sub, username, roles } = JSON.parse(new TextDecoder().decode(bytes)) as Claims;
  return { kind: 'user', id: sub, name: username, roles, scopes: [] };
}
