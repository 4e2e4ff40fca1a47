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
async function open(path: string, width: number, colorScheme: 'light' | 'dark') {
  if (!browser) throw new Error('no browser');
  const opened = await newPage(browser, new URL(on.url).origin, { width, colorScheme });
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
  test.each([
    [1_280, 'light'],
    [1_280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const)('at %d pixels, %s, shows itself without a word to anybody else', async (width, scheme) => {
    const { page, wrong } = await open(path, width, scheme);
    await page.getByText(text).first().waitFor({ state: 'attached' });
    expect(wrong).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    // 3 is what large text needs; marks of others' programs are no larger
    const { contrast, text: of } = await page.evaluate<{ contrast: number; text: string }>(SMALLEST_CONTRAST);
    expect([of, contrast > 3]).toEqual([of, true]);
    await page.close();
  });
});

(CHROMIUM ? test : test.skip)('an operation can be tried out where the stage has put the API', async () => {
  const { page, wrong } = await open('/docs/swagger/#/console/checkHealth', 1_280, 'light');
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
