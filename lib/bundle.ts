import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { writeSite } from './site';

const ROOT = resolve(__dirname, '..');

/** Where the bundles are: `dist/<context>/<deed>/index.js` for `lambdas/<context>/<deed>.lambda.ts`. */
export const DIST = process.env['MERCATO_DIST'] ?? join(ROOT, 'dist');

/** Credential providers that no function uses: left out, they save 40 ms of a cold start. */
const UNUSED_PROVIDERS = ['sso', 'ini', 'process', 'web-identity', 'login'].map(
  (name) => `@aws-sdk/credential-provider-${name}`,
);

const entries = (): string[] =>
  readdirSync(join(ROOT, 'lambdas'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.lambda.ts'))
    .map((file) => join(ROOT, 'lambdas', file));

/**
 * Bundles all functions in one esbuild call: a second where one call a function takes half a minute; and writes the site
 * beside the function that serves it. @returns what went into each bundle
 */
export async function bundle(): Promise<Metafile> {
  rmSync(DIST, { recursive: true, force: true });
  const [{ metafile }] = await Promise.all([buildFunctions(), writeSite(join(DIST, 'console/web/site'))]);
  return metafile;
}

/** esbuild's options for a bundle that starts fast. */
export const BUNDLE_OPTIONS = {
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  mainFields: ['module', 'main'],
  // import() of the SDK's lazily loaded parts costs more than it saves in one file
  supported: { 'dynamic-import': false },
  external: [...UNUSED_PROVIDERS, '@aws-sdk/token-providers', '@aws-sdk/nested-clients'],
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

const buildFunctions = () =>
  build({
    ...BUNDLE_OPTIONS,
    entryPoints: Object.fromEntries(
      entries().map((file) => {
        const [, name = ''] = /lambdas\/(.+)\.lambda\.ts$/.exec(file.replaceAll('\\', '/')) ?? [];
        return [`${name}/index`, file];
      }),
    ),
    outdir: DIST,
    metafile: true,
  });
