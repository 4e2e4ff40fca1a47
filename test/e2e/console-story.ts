import { randomBytes } from 'node:crypto';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { adminLogin, findDeployment } from '../../bin/deployment';
import { type Deployed, deployed } from '../support/deployed';
import { CHROMIUM, type Look, launch, type Opened, seriousFindings, settingsOf, watched } from './browser';

export const LAPTOP: Look = { width: 1_280, height: 800, colorScheme: 'light' };
export const PHONE: Look = { width: 390, height: 844, colorScheme: 'dark' };
/** Emulators take their time for a first call, machines for several at once. */
const PATIENCE_MS = 45_000;

export interface Login {
  username: string;
  password: string;
}

/** The first admin's login. */
async function adminOf({ port }: Deployed): Promise<Login> {
  const deployment = await findDeployment(port);
  if (!deployment) throw new Error(`nothing is deployed on port ${port}`);
  return adminLogin(port, deployment);
}

/** A user of its own with some roles. */
export async function person(
  { http }: Deployed,
  headers: Record<string, string>,
  ...roles: string[]
): Promise<Login & { uuid: string }> {
  const login = {
    username: `${roles[0] ?? 'user'}-${randomBytes(5).toString('hex')}`,
    password: 'correct horse battery',
  };
  const { body } = await http('POST', '/api/auth/registration/', { body: login });
  const { uuid } = body.user;
  expect((await http('PATCH', `/api/users/${uuid}/`, { headers, body: { roles } })).status).toBe(200);
  return { ...login, uuid };
}

/** Sessions by browser, login and screen: who is logged in once stays so, and has the files. */
const sessions = new WeakMap<Browser, Map<string, Promise<BrowserContext>>>();

function sessionOf(browser: Browser, login: Login, look: Look): Promise<BrowserContext> {
  const known = sessions.get(browser) ?? new Map<string, Promise<BrowserContext>>();
  sessions.set(browser, known);
  const key = JSON.stringify([login.username, login.password, look]);
  const session = known.get(key) ?? browser.newContext(settingsOf(look));
  known.set(key, session);
  return session;
}

/** Filters, columns and the like, which a page remembers for the next. */
const FORGET = `Object.keys(localStorage).filter((key) => key.startsWith('RaStore')).forEach((key) => localStorage.removeItem(key))`;

/** The console as somebody has it before them, logged in. */
async function consoleOf(browser: Browser, url: string, login: Login, look: Look): Promise<Opened> {
  const session = await sessionOf(browser, login, look);
  const opened = watched(await session.newPage(), new URL(url).origin);
  const { page } = opened;
  page.setDefaultTimeout(PATIENCE_MS);
  const [asked, hello] = [page.getByLabel('Username'), page.getByText(`Hello, ${login.username}`)];
  await page.goto(`${url}/`);
  await asked.or(hello).waitFor();
  if (await asked.isVisible()) {
    await asked.fill(login.username);
    await page.locator('input[type=password]').fill(login.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await hello.waitFor();
  }
  await page.evaluate(FORGET);
  return opened;
}

/** A deployment with its first admin, whose console is open to whoever logs in; without a Chromium to nobody. */
export async function openConsole() {
  const on = await deployed();
  const headers = await on.admin();
  const admin = await adminOf(on);
  const browser = CHROMIUM ? await launch() : undefined;
  return {
    on,
    headers,
    admin,
    open: async (login: Login, look = LAPTOP): Promise<Opened> => {
      if (!browser) throw new Error('no browser');
      return consoleOf(browser, on.url, login, look);
    },
    close: async () => browser?.close(),
  };
}
export type Console = Awaited<ReturnType<typeof openConsole>>;

export const goTo = (page: Page, path: string): Promise<void> => page.evaluate(`location.hash = '#${path}'`);

const SETTLES_MS = 5_000;

/** What every page holds: nothing wrong, nothing serious for those who do not see it, no wider than the screen. */
export async function expectWell({ page, wrong }: Opened, { width }: Look = LAPTOP): Promise<void> {
  expect(wrong).toEqual([]);
  // what comes and goes by itself, like a snackbar, is between two states for a moment
  let findings = await seriousFindings(page);
  for (const until = Date.now() + SETTLES_MS; findings.length && Date.now() < until; ) {
    findings = await seriousFindings(page);
  }
  expect(findings).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
}

/** What the menu leads to. */
export const menuOf = (page: Page): Promise<string[]> =>
  page.getByRole('navigation', { name: 'Console' }).getByRole('link').allTextContents();
