import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { consoleOperations } from './console-operations';
import { digest } from './digest';
import { settings } from './settings';

const ROOT = resolve(__dirname, '..');
const SOURCES = [
  'console',
  'client',
  'lambdas/kernel/contract.ts',
  'lambdas/bulk/actions.ts',
  'package-lock.json',
  'lib/console-app.ts',
];
const KEPT = join(ROOT, '.mercato/console');
const DAY_MS = 86_400_000;

const OPTIONS = {
  entryPoints: { app: join(ROOT, 'console/main.tsx') },
  bundle: true,
  minify: true,
  format: 'esm',
  splitting: true,
  target: 'es2022',
  jsx: 'automatic',
  tsconfig: join(ROOT, 'console/tsconfig.json'),
  entryNames: '[name].[hash]',
  chunkNames: '[name].[hash]',
  assetNames: '[name].[hash]',
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

const filesOf = (path: string): string[] =>
  statSync(path).isFile()
    ? [path]
    : readdirSync(path, { recursive: true, encoding: 'utf8' })
        .map((name) => join(path, name))
        .filter((file) => statSync(file).isFile() && !file.includes(join('client', 'dist')))
        .sort();

/** Builds the app into a directory whose name says what it was made from; what is there already is taken as it is. */
async function built(): Promise<string> {
  const operations = JSON.stringify(consoleOperations());
  const made = SOURCES.flatMap((name) => filesOf(join(ROOT, name))).map(
    (file) => `${file} ${digest(readFileSync(file))}`,
  );
  const directory = join(KEPT, digest(made.join('\n') + operations));
  if (existsSync(directory)) return directory;
  mkdirSync(KEPT, { recursive: true });
  const outdir = mkdtempSync(join(KEPT, 'build-'));
  const define = { OPERATIONS: operations, 'process.env.NODE_ENV': '"production"' };
  await build({ ...OPTIONS, outdir, define });
  for (const other of readdirSync(KEPT).map((name) => join(KEPT, name))) {
    // whoever builds at the same time tidies up as well
    const { mtimeMs = Date.now() } = statSync(other, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > DAY_MS) rmSync(other, { recursive: true, force: true });
  }
  try {
    renameSync(outdir, directory);
  } catch (error) {
    // whoever builds the same at the same time was quicker
    if (!existsSync(directory)) throw error;
    rmSync(outdir, { recursive: true });
  }
  return directory;
}

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** What the page knows of the outside issuer that users may log in by; nothing where there is none. */
function issuerAsHtml(): string {
  const { oidcIssuer: issuer, oidcClientId: client_id, oidcAudience, oidcRoleClaim } = settings();
  if (!issuer || !client_id) return '';
  const known = { issuer, client_id, audience: oidcAudience ?? 'mercato', role_claim: oidcRoleClaim ?? 'roles' };
  return `<meta name="oidc" content="${escapeHtml(JSON.stringify(known))}">\n    `;
}

/** The files of the console by their path in the site: its page, and the programs and styles that it asks for. */
export async function consoleApp(): Promise<Map<string, string>> {
  const directory = await built();
  // one style sheet holds those of all parts
  const names = readdirSync(directory).filter((name) => name.endsWith('.js') || name.startsWith('app.'));
  const files = new Map(names.sort().map((name) => [name, readFileSync(join(directory, name), 'utf8')] as const));
  const entry = (kind: string) => names.find((name) => name.startsWith('app.') && name.endsWith(`.${kind}`)) ?? '';
  const first = [...(files.get(entry('js')) ?? '').matchAll(/(?:from|import)"\.\/([\w.-]+\.js)"/g)];
  const preloads = first.map(([, name]) => `<link rel="modulepreload" href="assets/app/${name}">\n    `).join('');
  const page = readFileSync(join(ROOT, 'console/index.html'), 'utf8')
    .replace(/assets\/app\/app\.(\w+)/g, (_, kind: string) => `assets/app/${entry(kind)}`)
    .replace('<script', `${issuerAsHtml()}${preloads}<script`);
  return new Map([...[...files].map(([name, text]) => [`assets/app/${name}`, text] as const), ['index.html', page]]);
}
