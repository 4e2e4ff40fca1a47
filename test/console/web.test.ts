import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { website } from '../../lambdas/console/web';
import { writeSite } from '../../lib/site';
import { proxyEvent } from '../support/gateway';

const directory = mkdtempSync(join(tmpdir(), 'mercato-site-'));
beforeAll(() => writeSite(directory));
afterAll(() => rmSync(directory, { recursive: true }));

async function get(path: string, headers: Record<string, string> = {}, method = 'GET', fullPath = path) {
  const event = proxyEvent({ method, path, headers });
  Object.assign(event.requestContext, { path: fullPath });
  const reply = await website(directory)(event);
  const bytes = Buffer.from(reply.body, reply.isBase64Encoded ? 'base64' : 'utf8');
  return {
    status: reply.statusCode,
    headers: (reply.headers ?? {}) as Record<string, string>,
    bytes,
    text: bytes.toString(),
  };
}

const PAGES = ['/', '/docs/overview/', '/docs/swagger/', '/docs/redoc/', '/docs/problems/'];

/** What a page asks for, as paths below the base address. */
function linksOf(path: string, html: string): string[] {
  const links = [...html.matchAll(/(?:href|src)="([^"#]+)"/g)].map(
    ([, link = '']) => new URL(link, `http://base${path}`),
  );
  expect(links.filter(({ host }) => host !== 'base')).toEqual([]);
  return links.map(({ pathname }) => pathname);
}

describe.each(PAGES)('%s', (path) => {
  test('is a page whose links all lead to something, and whose programs are its own', async () => {
    const { status, headers, text } = await get(path);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain("connect-src 'self'");
    expect(text).not.toMatch(/<script>|<script [^>]*(?<!src="[^"]*"[^>]*)>(?!<\/script>)|\son\w+="|<style/);
    for (const link of linksOf(path, text)) expect([link, (await get(link)).status]).toEqual([link, 200]);
  });

  test('its files may be kept for ever, itself not', async () => {
    const { headers, text } = await get(path);
    expect(headers['cache-control']).toBe('no-cache');
    const assets = linksOf(path, text).filter((link) => link.startsWith('/assets/'));
    expect(assets.length).toBeGreaterThan(0);
    for (const asset of assets) {
      expect((await get(asset)).headers['cache-control']).toBe('public, max-age=31536000, immutable');
    }
  });

  test('comes compressed as the browser takes it, and not again when it is known', async () => {
    const plain = await get(path);
    expect(plain.headers['content-encoding']).toBeUndefined();
    const brotli = await get(path, { 'Accept-Encoding': 'gzip, deflate, br, zstd' });
    expect(brotli.headers).toMatchObject({ 'content-encoding': 'br', vary: 'accept-encoding' });
    expect(brotliDecompressSync(brotli.bytes).toString()).toBe(plain.text);
    const gzip = await get(path, { 'accept-encoding': 'gzip;q=0.8, br;q=0' });
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(gzip.bytes).toString()).toBe(plain.text);
    expect(new Set([plain, brotli, gzip].map(({ headers }) => headers['etag'])).size).toBe(3);
    const again = await get(path, { 'if-none-match': `W/${plain.headers['etag']}` });
    expect([again.status, again.text]).toEqual([304, '']);
    const head = await get(path, {}, 'HEAD');
    expect([head.status, head.headers['etag'], head.text]).toEqual([200, plain.headers['etag'], '']);
  });
});

test.each([
  ['/docs', '/docs/swagger/'],
  ['/docs/', '/docs/swagger/'],
  ['/docs/swagger', '/docs/swagger/'],
  ['/docs/redoc', '/docs/redoc/'],
  ['/docs/overview', '/docs/overview/'],
  ['/docs/problems', '/docs/problems/'],
  ['/swagger', '/docs/swagger/'],
  ['/swagger/', '/docs/swagger/'],
])('%s leads to %s below any stage', async (from, to) => {
  const { status, headers } = await get(from);
  expect(status).toBe(302);
  for (const base of ['', '/_aws/execute-api/3e2ca700/v1']) {
    expect(new URL(headers['location'] ?? '', `http://base${base}${from}`).pathname).toBe(`${base}${to}`);
  }
});

test('where a platform does not pass compressed replies on, everything goes as it is', async () => {
  process.env['PLAIN'] = '1';
  const { status, headers, text } = await get('/docs/redoc/', { 'accept-encoding': 'br' });
  delete process.env['PLAIN'];
  expect([status, headers['content-encoding'], text.slice(0, 15)]).toEqual([200, undefined, '<!doctype html>']);
});

test('the base address without its slash leads to the one with it, for links to hold', async () => {
  const event = proxyEvent({ method: 'GET', path: '/' });
  Object.assign(event.requestContext, { path: '/_aws/execute-api/3e2ca700/v1' });
  // AWS gives / as the path, LocalStack none
  for (const path of ['/', '']) {
    const { statusCode, headers } = await website(directory)({ ...event, path });
    expect([statusCode, headers?.['location']]).toEqual([302, 'v1/']);
  }
  expect((await get('/', {}, 'GET', '/_aws/execute-api/3e2ca700/v1/')).status).toBe(200);
});

test('everything unknown is a problem, and so is another method', async () => {
  for (const path of [
    '/nothing',
    '/docs/nothing/',
    '/assets/../manifest.json',
    '/manifest.json',
    '/__proto__',
    '/constructor',
  ]) {
    const { status, headers, text } = await get(path);
    expect([path, status, headers['content-type']]).toEqual([path, 404, 'application/problem+json']);
    expect(JSON.parse(text)).toMatchObject({
      type: 'about:blank',
      status: 404,
      instance: proxyEvent({ method: 'GET', path }).path,
    });
  }
  const { status, headers } = await get('/healthz', {}, 'POST');
  expect([status, headers['allow']]).toEqual([405, 'GET, HEAD']);
});

test('the health and the document answer with and without a trailing slash', async () => {
  for (const path of ['/healthz', '/healthz/']) expect(JSON.parse((await get(path)).text)).toEqual({ status: 'ok' });
  const documents = await Promise.all(['/openapi.json', '/openapi.json/'].map((path) => get(path)));
  expect(documents.map(({ headers }) => headers['content-type'])).toEqual(['application/json', 'application/json']);
  expect(JSON.parse(documents[0]?.text ?? '')).toMatchObject({ openapi: '3.1.1', servers: [{ url: '.' }] });
});

test('no program of ours or of others names an address that it would ask on its own', async () => {
  const { text } = await get('/docs/redoc/');
  const programs = linksOf('/docs/redoc/', text).filter((link) => link.endsWith('.js'));
  for (const program of programs)
    expect((await get(program)).text).not.toMatch(/cdn\.redoc|fonts\.g(oogleapis|static)/);
});

test('the console loads at most 450 KB on its first visit, whatever its parts ask for later', async () => {
  const page = await get('/', { 'accept-encoding': 'br' });
  const names = new Set(linksOf('/', (await get('/')).text));
  let total = page.bytes.length;
  for (const name of names) {
    total += (await get(name, { 'accept-encoding': 'br' })).bytes.length;
    // parts name each other beside themselves
    const { text } = await get(name);
    for (const [, part] of text.matchAll(/(?:from|import\(?)"\.\/([\w.-]+\.js)"/g)) names.add(`/assets/app/${part}`);
  }
  expect(names.size).toBeGreaterThan(3);
  expect(total).toBeGreaterThan(100_000);
  expect(total).toBeLessThanOrEqual(450_000);
});

test("the console's page lets in styles that begin empty, and nothing that is written into it", async () => {
  const { headers } = await get('/');
  const empty = createHash('sha256').update('').digest('base64');
  expect(headers['content-security-policy']).toContain(`style-src 'self' 'sha256-${empty}'`);
  expect(headers['content-security-policy']).not.toContain('unsafe');
});

test('what a first visit loads stays within its budget, and every reply within 6 MB of base64', async () => {
  const loads: Record<string, number> = {};
  for (const path of PAGES) {
    const page = await get(path, { 'accept-encoding': 'br' });
    const needed = linksOf(path, (await get(path)).text).filter((link) => link.startsWith('/assets/'));
    if (/swagger|redoc/.test(path)) needed.push('/openapi.json');
    const files = await Promise.all(needed.map((link) => get(link, { 'accept-encoding': 'br' })));
    loads[path] = [page, ...files].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
  const budget = {
    '/docs/overview/': 10_000,
    '/docs/swagger/': 460_000,
    '/docs/redoc/': 340_000,
    '/docs/problems/': 10_000,
  };
  for (const [path, most] of Object.entries(budget))
    expect([path, (loads[path] ?? 0) <= most, loads[path]]).toEqual([path, true, loads[path]]);
  const largest = Math.max(...readdirSync(directory).map((file) => statSync(join(directory, file)).size));
  expect(largest * 1.34).toBeLessThan(6_000_000);
});
