import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { type Deployed, deployed } from '../support/deployed';
import { CHROMIUM, launch, newPage } from './browser';

let on: Deployed;
let browser: Browser | undefined;
beforeAll(async () => {
  on = await deployed();
  if (CHROMIUM) browser = await launch();
});
afterAll(() => browser?.close());

/** Opens a page, and collects all that it does wrong. */
async function open(path: string, width: number) {
  if (!browser) throw new Error('no browser');
  const opened = await newPage(browser, new URL(on.url).origin, { width });
  await opened.page.goto(on.url + path, { waitUntil: 'networkidle' });
  return opened;
}

const SMALLEST_CONTRAST = readFileSync(join(__dirname, 'smallest-contrast.js'), 'utf8');

const PAGES: [string, RegExp][] = [
  ['/docs/overview/', /needs no servers/],
  ['/docs/', /Place an order/],
  ['/docs/redoc/', /Place an order/],
  ['/docs/problems/', /Fields are not valid/],
];

(CHROMIUM ? describe : describe.skip).each(PAGES)('the page %s', (path, text) => {
  test.each([1_280, 390])(
    'at %d pixels, light and dark, shows itself without a word to anybody else',
    async (width) => {
      const { page, wrong } = await open(path, width);
      await page.getByText(text).first().waitFor({ state: 'attached' });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
        // 3 is what large text needs; marks of others' programs are no larger
        const { contrast, text: of } = await page.evaluate<{ contrast: number; text: string }>(SMALLEST_CONTRAST);
        expect([colorScheme, of, contrast > 3]).toEqual([colorScheme, of, true]);
      }
      expect(wrong).toEqual([]);
      await page.close();
    },
  );
});

(CHROMIUM ? test : test.skip)('an operation can be tried out where the stage has put the API', async () => {
  const { page, wrong } = await open('/docs/swagger/#/console/checkHealth', 1_280);
  const [response] = await Promise.all([
    page.waitForResponse((one) => one.url().includes('healthz')),
    page.locator('#operations-console-checkHealth .btn.execute').click(),
  ]);
  expect([response.url(), response.status()]).toEqual([`${on.url}/healthz`, 200]);
  expect(wrong).toEqual([]);
  await page.close();
});

test('the pages and the document come whole through the gateway, and not again when they are known', async () => {
  const document = await on.http('GET', '/openapi.json');
  expect([document.status, document.body.openapi]).toEqual([200, '3.1.1']);
  const known = { 'if-none-match': document.headers.get('etag') ?? '' };
  expect((await on.http('GET', '/openapi.json', { headers: known })).status).toBe(304);
  const page = await on.http('GET', '/docs/redoc/');
  expect([page.status, page.body.slice(0, 15)]).toEqual([200, '<!doctype html>']);
  const docs = await on.http('GET', '/docs');
  expect([docs.status, docs.headers.get('location')]).toEqual([302, 'docs/swagger/']);
  for (const path of ['/nothing/at/all', '/.env']) {
    const { status, headers, body } = await on.http('GET', path);
    expect([status, headers.get('content-type'), body.status]).toEqual([404, 'application/problem+json', 404]);
  }
});
