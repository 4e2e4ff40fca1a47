import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { type Entry, MANIFEST } from '../lambdas/console/web';
import { digest } from './digest';
import { settings } from './settings';
import { siteFiles } from './site-files';

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
};

/** What the console talks to: the API, and where users log in by an outside issuer that one. */
function connections(path: string): string {
  const { oidcIssuer, oidcClientId } = settings();
  const isAsked = path === '/' && oidcIssuer && oidcClientId;
  return `connect-src 'self'${isAsked ? ` ${new URL(oidcIssuer).origin}` : ''}`;
}

const SELF_ONLY = [
  "default-src 'none'",
  "script-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
];

/**
 * Redoc makes its styles while it runs, and searches in a worker that it makes from a text. The console's library adds its
 * rules to a style element one by one, which no policy forbids; the element itself is empty, and its hash that of nothing.
 */
const OWN_STYLES: Record<string, string[]> = {
  '/': ["style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
  '/docs/redoc/': ["style-src 'self' 'unsafe-inline'", 'worker-src blob:'],
};

const policyOf = (path: string): string =>
  [...SELF_ONLY, connections(path), ...(OWN_STYLES[path] ?? ["style-src 'self'"])].join('; ');

/** Where someone may arrive who looks for the documentation; relative, for the site does not know what is before it. */
const REDIRECTS: Record<string, string> = {
  '/docs': 'docs/swagger/',
  '/docs/': 'swagger/',
  '/docs/swagger': 'swagger/',
  '/docs/redoc': 'redoc/',
  '/docs/overview': 'overview/',
  '/docs/problems': 'problems/',
  '/swagger': 'docs/swagger/',
  '/swagger/': '../docs/swagger/',
};

/** Quality 9 of 11: 9 % more bytes for a thirtieth of the time, in each of the many builds. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

function headersOf(name: string, path: string): Record<string, string> {
  const extension = /\.(\w+)$/.exec(name)?.[1] ?? 'json';
  return {
    'content-type': TYPES[extension] ?? 'application/octet-stream',
    'cache-control': name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    ...(extension === 'html' && { 'content-security-policy': policyOf(path), 'referrer-policy': 'no-referrer' }),
  };
}

/**
 * Writes the site that the console's function serves: pages, the documentation's programs and the OpenAPI document, each
 * compressed ahead, and the manifest of their paths. Nothing in it asks for anything of another origin.
 */
export async function writeSite(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const manifest: Record<string, Entry> = Object.fromEntries(
    Object.entries(REDIRECTS).map(([path, redirect]) => [path, { redirect }]),
  );
  const write = async (name: string, text: string): Promise<void> => {
    const path = `/${name.replace(/(^|\/)index\.html$/, '$1')}`;
    const file = digest(name);
    const bytes = Buffer.from(text);
    // before anything is awaited: the order of the manifest, and with it the bundle, must not depend on who is quicker
    const entry = { file, etag: digest(bytes), headers: headersOf(name, path) };
    manifest[path] = entry;
    // JSON of the API answers with a trailing slash too, like every path of it
    if (/^(openapi\.json|healthz)$/.test(name)) manifest[`${path}/`] = entry;
    const [brotli, gzipped] = await Promise.all([promisify(brotliCompress)(bytes, BROTLI), promisify(gzip)(bytes)]);
    writeFileSync(join(directory, `${file}.br`), brotli);
    writeFileSync(join(directory, `${file}.gz`), gzipped);
  };
  await Promise.all([...(await siteFiles())].map(([name, text]) => write(name, text)));
  writeFileSync(join(directory, MANIFEST), JSON.stringify(manifest));
}
