import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CONTEXTS } from '../lambdas/console/contracts';
import { openApi } from '../lambdas/console/openapi';
import { PROBLEM_KINDS } from '../lambdas/console/problem-kinds';
import { version } from '../package.json';
import { consoleApp } from './console-app';
import { digest } from './digest';

const SOURCE = join(__dirname, '../lambdas/console/site');

/** Others' files that we serve ourselves; each name is what our pages call it. */
const VENDORED: Record<string, string> = {
  'assets/swagger-ui.js': 'swagger-ui-dist/swagger-ui-bundle.js',
  'assets/swagger-ui.css': 'swagger-ui-dist/swagger-ui.css',
  'assets/redoc-standalone.js': 'redoc/bundles/redoc.standalone.js',
};

/** The one address of another origin that Redoc would ask for, a logo; it hides an image that does not load. */
const REDOC_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`).replace(/`([^`]+)`/g, '<code>$1</code>');

const kindsAsHtml = (): string =>
  Object.entries(PROBLEM_KINDS)
    .map(
      ([kind, { status, title, meaning, remedy }]) =>
        `<section class="kind" id="${kind}"><h2>${escapeHtml(title)}</h2>` +
        `<p class="status"><code>${kind}</code> · status ${status}</p>` +
        `<p>${escapeHtml(meaning)}</p><p><strong>What to do.</strong> ${escapeHtml(remedy)}</p></section>`,
    )
    .join('\n');

function vendored(): Map<string, string> {
  const files = Object.entries(VENDORED).map(([name, file]) => {
    const text = readFileSync(require.resolve(file), 'utf8');
    return [name, text] as const;
  });
  const all = new Map(files);
  const redoc = all.get('assets/redoc-standalone.js') ?? '';
  if (!redoc.includes(REDOC_LOGO))
    throw new Error(`redoc no longer asks for ${REDOC_LOGO}: look at what it does instead`);
  return all.set('assets/redoc-standalone.js', redoc.replace(REDOC_LOGO, 'data:,'));
}

/** All files of the site by their name, as they are written. */
async function sources(): Promise<Map<string, string>> {
  const own = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .map((name) => join(SOURCE, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => [file.slice(SOURCE.length + 1).replaceAll('\\', '/'), readFileSync(file, 'utf8')] as const);
  return new Map([
    ...own,
    ...vendored(),
    ...(await consoleApp()),
    ['openapi.json', JSON.stringify(openApi(CONTEXTS, version))],
    ['healthz', '{"status":"ok"}'],
  ]);
}

/**
 * All files of the site, by their path without a leading slash. Each asset has a name that changes with what it holds, so
 * that browsers may keep it for ever; those of the console come with such names.
 */
export async function siteFiles(): Promise<Map<string, string>> {
  const files = await sources();
  const names = [...files]
    .filter(([name]) => name.startsWith('assets/') && !name.startsWith('assets/app/'))
    .map(([name, text]) => [name, name.replace(/(?=\.\w+$)/, `.${digest(text)}`)] as const);
  const renamed = [...files].map(([name, text]) => {
    const own = names.find(([old]) => old === name)?.[1];
    if (own) return [own, text] as const;
    const page = names.reduce((html, [old, now]) => html.replaceAll(`${old}"`, `${now}"`), text);
    return [name, page.replace('<!-- kinds -->', kindsAsHtml)] as const;
  });
  return new Map(renamed);
}
