import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesise } from '../../bin/cdk';
import { type MiniStackOptions, startMiniStack } from '../../bin/emulator';
import { endpointOf } from '../../bin/port';
import teardown from './emulator-teardown';

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A started emulator, in a directory of its own unless one is given, that does not outlive this process. */
export async function startEmulator(given?: MiniStackOptions) {
  const options = given ?? { dir: mkdtempSync(join(tmpdir(), 'mercato-test-')), port: await freePort() };
  const emulator = await startMiniStack(options);
  const processes = [emulator.pid, process.pid].map(String);
  const watchdog = spawn(process.execPath, [join(__dirname, 'watchdog.cjs'), ...processes], {
    detached: true,
    stdio: 'ignore',
  });
  watchdog.unref();
  return { ...options, ...emulator };
}

/** Does a part of the set-up; the runner tears nothing down after one that failed. */
export async function orTearDown(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await teardown();
    throw error;
  }
}

declare global {
  var mercatoTest: { port: number; dir: string; stop: () => Promise<void> } | undefined;
}

/**
 * Before all tests: synthesises the stack once and starts an emulator of its own (or takes the one on MERCATO_TEST_PORT);
 * tests find both in their environment.
 */
export default async function setup(): Promise<void> {
  if (globalThis.mercatoTest) return;
  const given = Number(process.env['MERCATO_TEST_PORT'] ?? 0);
  const emulator = given
    ? { port: given, dir: mkdtempSync(join(tmpdir(), 'mercato-test-')), stop: async () => {} }
    : await startEmulator();
  globalThis.mercatoTest = emulator;
  await orTearDown(() => synthesise({ port: emulator.port, outDir: emulator.dir }));
  Object.assign(process.env, {
    MERCATO_TEST_TEMPLATE: join(emulator.dir, 'cdk.out', 'mercato-local.template.json'),
    AWS_ENDPOINT_URL: endpointOf(emulator.port),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
}
