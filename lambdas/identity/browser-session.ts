import type { Call } from '../kernel/call';
import { unauthorized } from '../kernel/credentials';
import { findEnv } from '../kernel/env';
import { type Handler, Reply } from '../kernel/http';
import { Problem } from '../kernel/problem';
import type { IdentityContract } from './contract';
import type { Tokens } from './schema';
import { beginSession, continueSession, endSession, REFRESH_SECONDS } from './sessions';

type Verbs = typeof IdentityContract;

const NAME = 'mercato_refresh';

/**
 * The cookie of a session. Without a `Path` it is sent to the directory of its own address alone (RFC 6265, 5.1.4), which
 * is `…/api/auth/session` wherever a stage has put the API; so these paths have no trailing slash. Emulators have no TLS.
 */
const cookie = (value: string, seconds: number): Record<string, string> => ({
  'set-cookie': `${NAME}=${value}; Max-Age=${seconds}; HttpOnly; SameSite=Strict${findEnv('AWS_ENDPOINT_URL') ? '' : '; Secure'}`,
});

/** `SameSite` takes all ports of a host and all names below a domain for one; an origin is narrower. */
function requireSameOrigin(header: Call['header']): void {
  const site = header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin') throw new Problem(403, 'this is for pages of the same origin');
}

const refreshOf = (header: Call['header']): string | undefined =>
  new RegExp(`(?:^|;\\s*)${NAME}=([^;\\s]+)`).exec(header('cookie') ?? '')?.[1];

const reply = ({ access, token_type, expires_in, refresh }: Tokens) =>
  new Reply({ access, token_type, expires_in }, { headers: cookie(refresh, REFRESH_SECONDS) });

export const openBrowserSession: Handler<Verbs['openBrowserSession']> = async ({ header, body, address }) => {
  requireSameOrigin(header);
  return reply(await beginSession({ body, address }));
};

export const continueBrowserSession: Handler<Verbs['continueBrowserSession']> = async ({ header }) => {
  requireSameOrigin(header);
  const refresh = refreshOf(header);
  if (!refresh) throw unauthorized('there is no session: log in');
  return reply(await continueSession(refresh));
};

export const closeBrowserSession: Handler<Verbs['closeBrowserSession']> = async ({ header }) => {
  requireSameOrigin(header);
  const refresh = refreshOf(header);
  if (refresh) await endSession(refresh);
  return new Reply(undefined, { headers: cookie('', 0) });
};
