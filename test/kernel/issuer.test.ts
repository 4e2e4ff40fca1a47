import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Platform, platform } from '../support/platform';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

let p: Platform;
let server: Server;
let issuer: string;
let ours: KeyPair;
/** What the issuer publishes, and how it calls itself. */
let published: object[];
let answer: 'well' | 'other' | 'down' = 'well';
const asked: string[] = [];

const jwkOf = async ({ publicKey }: KeyPair, kid: string) => ({
  ...(await exportJWK(publicKey)),
  kid,
  alg: 'RS256',
  use: 'sig',
});

beforeAll(async () => {
  ours = await generateKeyPair('RS256');
  published = [await jwkOf(ours, 'k1')];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const self = answer === 'other' ? 'https://elsewhere.example.com' : issuer;
    const body = request.url === '/keys' ? { keys: published } : { issuer: self, jwks_uri: `${issuer}/keys` };
    const status = answer === 'down' ? 503 : 200;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  p = await platform('mailings');
  Object.assign(process.env, { OIDC_ISSUER: issuer, OIDC_AUDIENCE: 'shop', OIDC_ROLE_CLAIM: 'realm_access.roles' });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await p.close();
});

async function tokenOf(
  claims: object,
  { key = ours, kid = 'k1', audience = 'shop', from = issuer, until = '5m', subject = 'u1' } = {},
): Promise<string> {
  return new SignJWT({ preferred_username: 'olga', ...claims })
    .setProtectedHeader({ alg: 'RS256', kid })
    .setIssuer(from)
    .setAudience(audience)
    .setSubject(subject)
    .setExpirationTime(until)
    .sign(key.privateKey);
}

const statusWith = async (token: string, path = '/api/mailings/', context?: string) =>
  (await p.api('GET', path, {}, { headers: { authorization: `Bearer ${token}` } }, context)).status;
const call = async (...given: Parameters<typeof tokenOf>) => statusWith(await tokenOf(...given));

const operator = { realm_access: { roles: ['offline_access', 'operator'] } };

test('an issuer that does not answer, or calls itself by another name, is no reason to refuse or to trust', async () => {
  answer = 'down';
  expect(await call(operator)).toBe(503);
  answer = 'other';
  expect(await call(operator)).toBe(503);
  answer = 'well';
  asked.length = 0;
});

test('an operator of the outside issuer is one here; its keys are found once', async () => {
  expect(await call(operator)).toBe(200);
  expect(await call({ ...operator, jti: '2' })).toBe(200);
  expect(asked).toEqual(['/.well-known/openid-configuration', '/keys']);
});

test('roles that are not given are not had, and roles of other names are none', async () => {
  expect(await call({})).toBe(403);
  expect(await call({ roles: ['operator'] })).toBe(403);
  expect(await call({ realm_access: { roles: ['superuser'] } })).toBe(403);
});

test('a claim whose name has dots of its own, as that of a URL has, is found', async () => {
  process.env['OIDC_ROLE_CLAIM'] = 'https://shop.example.com/roles';
  const of = (roles: string[]) => ({ 'https://shop.example.com/roles': roles, ...operator });
  expect([await call(of(['operator'])), await call(of([]))]).toEqual([200, 403]);
  process.env['OIDC_ROLE_CLAIM'] = 'realm_access.roles';
});

test('tokens for others, of others, outdated ones and those signed with another key are refused', async () => {
  const stranger = await generateKeyPair('RS256');
  expect(await call(operator, { audience: 'bank' })).toBe(401);
  expect(await call(operator, { from: 'https://elsewhere.example.com' })).toBe(401);
  expect(await call(operator, { until: '-5m' })).toBe(401);
  expect(await call(operator, { key: stranger })).toBe(401);
  expect(await call(operator, { key: stranger, kid: 'k2' })).toBe(401);
});

test('only asymmetric signatures count: none, and a secret made of the public key, are refused', async () => {
  const payload = { iss: issuer, aud: 'shop', sub: 'u1', exp: Math.floor(Date.now() / 1_000) + 300, ...operator };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  expect(await statusWith(`${part({ alg: 'none' })}.${part(payload)}.`)).toBe(401);
  const secret = new TextEncoder().encode(JSON.stringify(published[0]));
  const signed = await new SignJWT(payload).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret);
  expect(await statusWith(signed)).toBe(401);
});

test('a token without a subject or an end is refused', async () => {
  const token = (claims: object) =>
    new SignJWT({ iss: issuer, aud: 'shop', ...operator, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(ours.privateKey);
  expect(await statusWith(await token({ sub: 'u1' }))).toBe(401);
  expect(await statusWith(await token({ exp: Math.floor(Date.now() / 1_000) + 300 }))).toBe(401);
});

test('a key that the issuer changes to is found when a token names it', async () => {
  const next = await generateKeyPair('RS256');
  published.push(await jwkOf(next, 'k2'));
  // the set is read again for an unknown key, every half a minute at the most
  const real = Date.now;
  const later = jest.spyOn(Date, 'now').mockImplementation(() => real() + 31_000);
  try {
    expect(await call(operator, { key: next, kid: 'k2' })).toBe(200);
    expect(await call({ ...operator, jti: '3' })).toBe(200);
  } finally {
    later.mockRestore();
  }
});

test('its users are those of all contexts', async () => {
  const all = [
    ['/api/users/', 'identity'],
    ['/api/v1/consumer/tasks/', 'orders'],
    ['/api/profiles/users/', 'profiles'],
    ['/api/checks/', 'receipts'],
    ['/api/catalogue/runs/', 'catalogue'],
    ['/api/clients/', 'mailings'],
  ] as const;
  const admin = await tokenOf({ realm_access: { roles: ['admin'] } });
  for (const [path, context] of all) expect([path, await statusWith(admin, path, context)]).toEqual([path, 200]);
  const nobody = await tokenOf({});
  for (const [path, context] of all) expect([path, await statusWith(nobody, path, context)]).toEqual([path, 403]);
});

test('our own tokens go on to be taken', async () => {
  const { headers } = await p.callers.user('operator');
  expect((await p.api('GET', '/api/mailings/', {}, { headers })).status).toBe(200);
});
