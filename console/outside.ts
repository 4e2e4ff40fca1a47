import { type Principal, ROLES } from '../lambdas/kernel/contract';

/** As the build has put it into the page (`lib/console-app.ts`). */
interface Issuer {
  issuer: string;
  client_id: string;
  audience: string;
  /** The claim that holds roles, with dots for one inside of another. */
  role_claim: string;
}

export interface Tokens {
  access_token: string;
  expires_in?: number;
  refresh_token?: string;
}

const content = document.querySelector<HTMLMetaElement>('meta[name="oidc"]')?.content;

/** The outside OpenID Connect issuer that users may log in by; undefined where there is none. */
export const ISSUER = content ? (JSON.parse(content) as Issuer) : undefined;

/** Where the issuer sends users back to: this page. */
const HERE = new URL('.', location.href).href;
/** What is remembered of a login that was begun. */
const BEGUN = 'mercato.login';

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
const random = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

interface Endpoints {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
}

/** https://openid.net/specs/openid-connect-discovery-1_0.html, 4. @throws Error */
async function discover({ issuer }: Issuer): Promise<Endpoints> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error(`the issuer answered ${response.status}`);
  const found = (await response.json()) as Endpoints;
  if (found.issuer !== issuer) throw new Error(`the issuer calls itself ${found.issuer}, expected ${issuer}`);
  return found;
}

/** Leaves for the issuer: authorization code flow with PKCE (RFC 7636). @throws Error when it does not answer */
export async function leave(issuer: Issuer): Promise<void> {
  const { authorization_endpoint } = await discover(issuer);
  const [state, verifier] = [random(), random()];
  sessionStorage.setItem(BEGUN, JSON.stringify({ state, verifier }));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const address = new URL(authorization_endpoint);
  const asked = {
    response_type: 'code',
    client_id: issuer.client_id,
    redirect_uri: HERE,
    scope: 'openid profile email',
    audience: issuer.audience,
    state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  location.assign(address);
}

/** Tokens for a grant, from the issuer itself. @throws Error */
async function tokensFor(issuer: Issuer, grant: Record<string, string>): Promise<Tokens> {
  const { token_endpoint } = await discover(issuer);
  const body = new URLSearchParams({ client_id: issuer.client_id, ...grant });
  const response = await fetch(token_endpoint, { method: 'POST', body });
  const answer = (await response.json()) as Tokens & { error?: string; error_description?: string };
  if (!response.ok)
    throw new Error(answer.error_description ?? answer.error ?? `the issuer answered ${response.status}`);
  return answer;
}

export const renewed = (issuer: Issuer, refresh_token: string): Promise<Tokens> =>
  tokensFor(issuer, { grant_type: 'refresh_token', refresh_token });

/** The tokens of whoever comes back from the issuer; undefined when nobody does. @throws Error */
export async function arrive(): Promise<Tokens | undefined> {
  const given = new URLSearchParams(location.search);
  const begun = sessionStorage.getItem(BEGUN);
  if (!ISSUER || !begun || !given.has('state')) return undefined;
  sessionStorage.removeItem(BEGUN);
  history.replaceState(null, '', HERE);
  const { state, verifier } = JSON.parse(begun) as { state: string; verifier: string };
  const isOurs = given.get('state') === state && (given.get('iss') ?? ISSUER.issuer) === ISSUER.issuer;
  if (!isOurs) throw new Error('the answer is to another login than the one that was begun here');
  const code = given.get('code');
  if (!code) throw new Error(given.get('error_description') ?? given.get('error') ?? 'the issuer gave no code');
  return tokensFor(ISSUER, { grant_type: 'authorization_code', code, redirect_uri: HERE, code_verifier: verifier });
}

type Claims = Record<string, unknown>;

/** Who a token of the issuer is of, as the API sees it (`lambdas/kernel/issuer.ts`). */
export function principalOf(claims: Claims, { role_claim }: Issuer): Principal {
  const claim =
    claims[role_claim] ??
    role_claim.split('.').reduce<unknown>((value, name) => (value as Claims | undefined)?.[name], claims);
  const given = [claim].flat().flatMap((value) => (typeof value === 'string' ? value.split(' ') : []));
  const name = [claims['preferred_username'], claims['email'], claims['sub']].find(
    (value) => typeof value === 'string',
  );
  const roles = ROLES.filter((role) => given.includes(role));
  return { kind: 'user', id: String(claims['sub']), name: String(name), roles, scopes: [], isOutside: true };
}
