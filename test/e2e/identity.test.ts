import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { type Deployed, deployed } from '../support/deployed';

let stack: Deployed;
beforeAll(async () => {
  stack = await deployed();
});

const PASSWORD = 'correct horse battery';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('a person from registration to deletion, with the first admin and an API key', async () => {
  const { http } = stack;
  const username = `e2e-${randomBytes(6).toString('hex')}`;
  const { status, body: made } = await http('POST', '/auth/registration/', {
    body: { username, email: `${username}@example.com`, password1: PASSWORD, password2: PASSWORD },
  });
  expect(status).toBe(201);
  const { uuid } = made.user;

  const keys = await http('GET', '/.well-known/jwks.json');
  const { payload } = await jwtVerify(made.token, createLocalJWKSet(keys.body), { issuer: 'mercato' });
  expect(payload.sub).toBe(uuid);
  expect((await http('GET', '/api/auth/me/', { headers: bearer(made.token) })).body).toEqual(made.user);

  for (const path of ['/api/auth/login/', '/auth/login/', '/auth/', '/api/v1/users/token']) {
    const { body } = await http('POST', path, { body: { email: `${username}@example.com`, password: PASSWORD } });
    expect(body.token).toBe(body.access);
  }
  expect((await http('POST', '/api/auth/login/', { body: { username, password: 'wrong' } })).status).toBe(401);

  const admin = await stack.admin();
  const found = await http('GET', `/api/users/?search=${username.toUpperCase()}`, { headers: admin });
  expect(found.body.results).toEqual([made.user]);
  expect((await http('GET', '/api/users/?limit=1', { headers: admin })).body.results).toHaveLength(1);
  const raised = await http('PATCH', `/api/users/${uuid}/`, { body: { roles: ['admin'] }, headers: admin });
  expect(raised.body.roles).toEqual(['admin']);
  const refreshed = await http('POST', '/api/auth/refresh/', { body: { refresh: made.refresh } });
  const own = bearer(refreshed.body.access);

  const key = await http('POST', '/api/api-keys/', { body: { name: 'e2e', roles: ['admin'] }, headers: own });
  const withKey = { 'x-api-key': key.body.key };
  const rolled = await http('POST', `/api/api-keys/${key.body.prefix}/roll`, { body: {}, headers: withKey });
  for (const one of [key, rolled]) {
    const { status } = await http('GET', '/api/api-keys/', { headers: { authorization: `Api-Key ${one.body.key}` } });
    expect(status).toBe(200);
  }
  expect((await http('DELETE', `/api/api-keys/${key.body.prefix}/`, { headers: admin })).status).toBe(204);
  expect((await http('GET', '/api/api-keys/', { headers: withKey })).status).toBe(401);

  const change = { old_password: PASSWORD, new_password: `${PASSWORD}!` };
  expect((await http('POST', '/api/auth/password/', { body: change, headers: own })).status).toBe(200);
  expect((await http('POST', '/api/auth/logout/', { body: { refresh: refreshed.body.refresh } })).status).toBe(204);
  expect((await http('DELETE', `/api/users/${uuid}/`, { headers: admin })).status).toBe(204);
  expect((await http('POST', '/auth/', { body: { username, password: `${PASSWORD}!` } })).status).toBe(401);
});
