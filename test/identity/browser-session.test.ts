import '../support/quick-passwords';
import { freshName, type Identity, openIdentity, PASSWORD } from './people';

let { on, who } = {} as Identity;
beforeAll(async () => {
  ({ on, who } = await openIdentity());
});
afterAll(() => on.close());

const SESSION = '/api/auth/session';

/** A browser's part: it keeps the cookie and shows it again. */
function browser() {
  let kept = '';
  return async (deed: string, body?: unknown, headers: Record<string, string> = {}) => {
    const reply = await on.api('POST', `${SESSION}/${deed}`, {
      ...(body !== undefined && { body }),
      headers: { ...(kept && { cookie: `theme=dark; ${kept}` }), ...headers },
    });
    const set = reply.headers['set-cookie'];
    if (set) kept = set.split(';')[0] ?? '';
    return { ...reply, set };
  };
}

async function account() {
  const username = freshName();
  await who.register({ username });
  return { username, password: PASSWORD };
}

test('a browser logs in without its scripts seeing the refresh token, goes on by its cookie, and logs out', async () => {
  const call = browser();
  const login = await call('login', await account());
  expect(login.status).toBe(200);
  expect(Object.keys(login.body).sort()).toEqual(['access', 'expires_in', 'token_type']);
  expect(login.set).toMatch(/^mercato_refresh=rt_[\w-]+; Max-Age=2592000; HttpOnly; SameSite=Strict$/);
  // no path: the browser sends it below …/api/auth/session alone, wherever a stage has put that
  expect(login.set).not.toMatch(/path|domain/i);
  expect(JSON.stringify(login.body)).not.toContain('rt_');
  expect((await who.me(login.body.access)).status).toBe(200);

  const next = await call('refresh');
  expect(next.status).toBe(200);
  expect((await who.me(next.body.access)).status).toBe(200);
  expect(next.set).not.toBe(login.set);

  const out = await call('logout');
  expect([out.status, out.set]).toEqual([204, 'mercato_refresh=; Max-Age=0; HttpOnly; SameSite=Strict']);
  const stale = next.set?.split(';')[0] ?? '';
  expect((await browser()('refresh', undefined, { cookie: stale })).status).toBe(401);
});

test('where there is TLS the cookie goes nowhere without it', async () => {
  const emulator = process.env['AWS_ENDPOINT_URL'];
  const api = on.named('Identity/Api');
  const own = api.environment['AWS_ENDPOINT_URL'];
  delete process.env['AWS_ENDPOINT_URL'];
  delete api.environment['AWS_ENDPOINT_URL'];
  try {
    expect((await browser()('logout')).set).toMatch(/; Secure$/);
  } finally {
    if (emulator !== undefined) process.env['AWS_ENDPOINT_URL'] = emulator;
    if (own !== undefined) api.environment['AWS_ENDPOINT_URL'] = own;
  }
});

test('a page of another origin, the same site or not, cannot use the session of a browser', async () => {
  const call = browser();
  const login = await call('login', await account());
  for (const site of ['cross-site', 'same-site', 'none']) {
    for (const deed of ['login', 'refresh', 'logout']) {
      const reply = await call(deed, deed === 'login' ? await account() : undefined, { 'sec-fetch-site': site });
      expect([site, deed, reply.status, reply.set]).toEqual([site, deed, 403, undefined]);
    }
  }
  expect(login.status).toBe(200);
  expect((await call('refresh', undefined, { 'sec-fetch-site': 'same-origin' })).status).toBe(200);
});

test('without a session, or with one that is no session, there is nothing to go on with', async () => {
  for (const cookie of ['', 'mercato_refresh=', 'mercato_refresh=rt_x', 'other=1']) {
    const reply = await browser()('refresh', undefined, { cookie });
    expect([cookie, reply.status, reply.set]).toEqual([cookie, 401, undefined]);
  }
  expect((await browser()('logout')).status).toBe(204);
  expect((await browser()('login', { username: freshName(), password: PASSWORD })).status).toBe(401);
});
