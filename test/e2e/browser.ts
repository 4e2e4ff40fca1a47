import { existsSync, readFileSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

/** A Chromium of this machine; without one the pages are not looked at. `CHROMIUM` names another. */
export const CHROMIUM = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
].find((path) => path && existsSync(path));

export const launch = (): Promise<Browser> => {
  if (!CHROMIUM) throw new Error('no browser');
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
};

export interface Look {
  width: number;
  height?: number;
  colorScheme?: 'light' | 'dark';
}

export interface Opened {
  page: Page;
  /** All that the page has done wrong so far: requests to others, blocked or failed ones, errors. */
  wrong: string[];
}

/** What a browser is told of how its pages are looked at. */
export const settingsOf = ({ width, height = 800, colorScheme = 'light' }: Look) =>
  ({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' }) as const;

/** A page of its own session. */
export const newPage = async (browser: Browser, origin: string, look: Look): Promise<Opened> =>
  watched(await browser.newPage(settingsOf(look)), origin);

/** A page, and all that it does wrong from now on. */
export function watched(page: Page, origin: string): Opened {
  const wrong: string[] = [];
  page.on('console', (message) => {
    // answers are looked at below, where their headers are known
    const isOfAnswer = message.text().startsWith('Failed to load resource: the server responded');
    if (message.type() === 'error' && !isOfAnswer) wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin) wrong.push(request.url());
  });
  page.on('response', (response) => {
    const status = response.status();
    // a busy emulator's "later" is what the page's client tries again
    const isLater = status === 503 && 'retry-after' in response.headers();
    if (status >= 400 && !isLater) wrong.push(`${status} ${response.url()}`);
  });
  return { page, wrong };
}

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds serious or critical on a page as it is now: the rule, and where. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate<string[]>(`axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ' ' + html.slice(0, 200))))`);
}
