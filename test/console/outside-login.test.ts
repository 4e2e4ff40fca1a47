import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Browser } from 'playwright-core';
import { website } from '../../lambdas/console/web';
import { writeSite } from '../../lib/site';
import { CHROMIUM, launch, newPage } from '../e2e/browser';
import { proxyEvent } from '../support/gateway';
import { type Platform, platform } from '../support/platform';

const directory = mkdtempSync(join(tmpdir(), 'mercato-site-'));
const servers: Server[] = [];
let p: Platform;
let browser: Browser;
let issuer: string;
let site: string;
/** What the issuer does with whoever comes. */
let answer: 'code' | 'refusal' = 'code';
let challenge = '';
const grants: URLSearchParams[] = [];

async function serve(handle: (request: IncomingMessage, response: ServerResponse, body: string) => Promise<void>) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    await handle(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An issuer that knows one user, Olga, and asks for nothing. */
async function serveIssuer(): Promise<string> {
  const keys = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  const token = () =>
    new SignJWT({ preferred_username: 'olga', realm_access: { roles: ['operator'] } })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuer(issuer)
      .setAudience('shop')
      .setSubject('u1')
      .setExpirationTime('5m')
      .sign(keys.privateKey);
  return serve(async (request, response, body) => {
    const { pathname, searchParams } = new URL(request.url ?? '', issuer);
    const json = (value: object, status = 200) =>
      response
        .writeHead(status, { 'content-type': 'application/json', 'access-control-allow-origin': '*' })
        .end(JSON.stringify(value));
    if (pathname === '/keys') json({ keys: [jwk] });
    else if (pathname === '/authorize') {
      challenge = searchParams.get('code_challenge') ?? '';
      const outcome = answer === 'code' ? { code: 'c1' } : { error: 'access_denied', error_description: 'not today' };
      const back = new URLSearchParams({ ...outcome, state: searchParams.get('state') ?? '', iss: issuer });
      response.writeHead(302, { location: `${searchParams.get('redirect_uri')}?${back}` }).end();
    } else if (pathname === '/token') {
      const grant = new URLSearchParams(body);
      grants.push(grant);
      const proof = createHash('sha256')
        .update(grant.get('code_verifier') ?? '')
        .digest('base64url');
      if (grant.get('code') !== 'c1' || proof !== challenge) json({ error: 'invalid_grant' }, 400);
      else json({ access_token: await token(), expires_in: 300, token_type: 'Bearer' });
    } else {
      const at = { authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` };
      json({ issuer, jwks_uri: `${issuer}/keys`, ...at });
    }
  });
}

/** The site, and the API behind it. */
const serveSite = () =>
  serve(async (request, response, body) => {
    const { method = 'GET', url = '/' } = request;
    const headers = request.headers as Record<string, string>;
    const { pathname } = new URL(url, 'http://site');
    if (pathname === '/' || pathname.startsWith('/assets/')) {
      const reply = await website(directory)(proxyEvent({ method, path: pathname, headers }));
      response.writeHead(reply.statusCode, reply.headers as Record<string, string>);
      response.end(Buffer.from(reply.body, reply.isBase64Encoded ? 'base64' : 'utf8'));
      return;
    }
    const { host: _, connection: __, ...passed } = headers;
    const reply = await fetch(p.gateway + url, { method, headers: passed, ...(body && { body }) });
    const type = reply.headers.get('content-type') ?? 'text/plain';
    response.writeHead(reply.status, { 'content-type': type }).end(await reply.text());
  });

beforeAll(async () => {
  if (!CHROMIUM) return;
  issuer = await serveIssuer();
  const settings = { OIDC_AUDIENCE: 'shop', OIDC_ROLE_CLAIM: 'realm_access.roles', OIDC_CLIENT_ID: 'console' };
  Object.assign(process.env, { OIDC_ISSUER: issuer, ...settings });
  await writeSite(directory);
  [p, browser, site] = [await platform('mailings', 'receipts'), await launch(), await serveSite()];
}, 120_000);
afterAll(async () => {
  await browser?.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await p?.close();
  rmSync(directory, { recursive: true });
});

const open = async () => {
  const opened = await newPage(browser, site, { width: 1_280 });
  await opened.page.goto(`${site}/`);
  return opened;
};
const button = () => `Log in by ${new URL(issuer).host}`;

(CHROMIUM ? describe : describe.skip)('by the outside issuer', () => {
  test('an operator logs in to the console, reads what operators may, and logs out', async () => {
    const { page, wrong } = await open();
    await page.getByRole('button', { name: button() }).click();
    await page.getByText('Hello, olga').waitFor();
    expect(page.url().replace('#/', '')).toBe(`${site}/`);
    const [grant] = grants;
    expect([grant?.get('client_id'), grant?.get('redirect_uri')]).toEqual(['console', `${site}/`]);
    const clients = page.waitForResponse((one) => one.url().includes('/api/clients/'));
    await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Clients' }).click();
    expect((await clients).status()).toBe(200);
    expect(wrong.filter((one) => !one.startsWith(`${issuer}/`))).toEqual([]);
    expect(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')).not.toMatch(/eyJ/);
    await page.getByRole('button', { name: 'olga' }).click();
    expect(await page.getByText('Your account').count()).toBe(0);
    await page.getByText('Logout').click();
    await page.getByRole('button', { name: button() }).waitFor();
    await page.close();
  });

  test('whom it refuses, or who comes without having asked, is not logged in', async () => {
    answer = 'refusal';
    const { page } = await open();
    await page.getByRole('button', { name: button() }).click();
    await page.getByText('not today').waitFor();
    const asked = grants.length;
    await page.goto(`${site}/?code=c1&state=guessed`);
    await page.getByLabel('Username').waitFor();
    expect(grants).toHaveLength(asked);
    await page.close();
  });
});

(CHROMIUM ? test : test.skip)('the page alone may talk to the issuer, and to nobody else', async () => {
  const policy = async (path: string) => {
    const { headers } = await website(directory)(proxyEvent({ method: 'GET', path, headers: {} }));
    return String(headers?.['content-security-policy']);
  };
  expect(await policy('/')).toContain(`connect-src 'self' ${issuer};`);
  expect(await policy('/docs/swagger/')).toContain("connect-src 'self';");
});
