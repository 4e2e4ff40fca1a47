import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loginHeaders } from './api';
import { synthesise } from './cdk';
import { adminLogin, bootstrap, deploySynthesised } from './deployment';
import { dockerRuns, startedLocalStack, startLocalStack } from './docker';
import { findMiniStack, hasState, startMiniStack } from './emulator';
import { firstData } from './first-data';
import { firstMailing } from './first-mailing';
import { firstOrders } from './first-orders';
import { firstPeople } from './first-people';
import { firstProducts } from './first-products';
import { firstReceipts } from './first-receipts';
import { withLock } from './lock.cjs';
import { type EmulatorKind, whatListens } from './port';
import { projectPython } from './python';
import { begin, bold, say, step, Trouble } from './screen.cjs';
import { directoryOf } from './settings';
import { resendUnsent } from './unsent';

const NAMES: Record<EmulatorKind, string> = { ministack: 'MiniStack', localstack: 'LocalStack' };

/** The way to an emulator that this machine allows; installs MiniStack when it is missing. */
async function chooseEmulator(): Promise<EmulatorKind> {
  let python: string | undefined;
  try {
    python = await projectPython();
  } catch (error) {
    if (!(await dockerRuns())) throw error;
  }
  if (python) return 'ministack';
  if (await dockerRuns()) return 'localstack';
  throw new Trouble(
    'This machine has neither Python 3.10 or newer nor a running Docker engine; Mercato needs one of them for its emulator.',
    'Install Python from https://www.python.org (on Debian and Ubuntu: sudo apt-get install python3-venv), or start Docker.',
  );
}

/** @throws {Trouble} when the port is taken by something else */
async function findEmulator(port: number): Promise<EmulatorKind | undefined> {
  const found = await whatListens(port);
  if (found !== 'other') return found;
  // ours, too busy to say so in time
  if (await findMiniStack(directoryOf(port))) return 'ministack';
  throw new Trouble(
    `Port ${port} is taken by another program, which is no emulator.`,
    `End that program, or choose another port: MERCATO_PORT=${port === 4566 ? 4567 : 4566} npm start`,
  );
}

/** There from the start of a MiniStack on the data of an earlier one until what that had not sent is sent. */
const unsentMark = (dir: string): string => join(dir, 'unsent');

/** Starts an emulator on the port unless one was found there. */
async function emulatorOn(port: number, found: EmulatorKind | undefined): Promise<void> {
  const dir = directoryOf(port);
  if (found) {
    const ours = startedLocalStack(dir) || (await findMiniStack(dir)) !== undefined;
    say(`  ${NAMES[found]} already runs on port ${port}${ours ? '' : ', started elsewhere'}: it is used.`);
    return;
  }
  const kind = await chooseEmulator();
  if (kind === 'ministack' && hasState(dir)) writeFileSync(unsentMark(dir), '');
  await step(`Start ${NAMES[kind]} on port ${port}`, async () => {
    if (kind === 'localstack') await startLocalStack(port, dir);
    else await startMiniStack({ port, dir });
  });
}

/**
 * Brings everything up on this machine, or up to date when it runs, and prints where it is. The emulator outlives it.
 * Safe to interrupt and to repeat at any point.
 */
export async function up(port: number): Promise<void> {
  const outDir = directoryOf(port);
  const waiting = (pid: number) => say(`  another command (process ${pid}) is bringing it up: waiting for it`);
  await withLock(join(outDir, 'up.lock'), waiting, async () => {
    const found = await findEmulator(port);
    const functions = begin(() => synthesise({ port, outDir }));
    await emulatorOn(port, found);
    const account = begin(() => bootstrap(port));
    await step('Build functions and template', functions);
    await account();
    const deployment = await step('Deploy', () => deploySynthesised({ port, outDir }));
    if (existsSync(unsentMark(outDir))) {
      await step('Send what was not sent before the last stop', () => resendUnsent(port));
      rmSync(unsentMark(outDir));
    }
    const login = await adminLogin(port, deployment);
    const isAsGenerated = await step('Load first data', async () => {
      const { url } = deployment;
      await firstData(url);
      const headers = await loginHeaders(url, login);
      if (!headers) return false;
      await firstReceipts(url, headers);
      await firstOrders(url, headers);
      await firstPeople(url, headers);
      await firstProducts(url, headers);
      await firstMailing(url, headers);
      return true;
    });
    const { username, password } = login;
    say(`\n  console  ${bold(deployment.console)}\n  docs     ${bold(deployment.docs)}`);
    if (isAsGenerated) say(`  login    ${bold(username)} / ${bold(password)}\n`);
    else say(`  login    ${bold(username)}, whose generated password holds no more: nothing was loaded\n`);
  });
}
