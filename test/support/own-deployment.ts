import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bootstrap, deploy, deploySynthesised } from '../../bin/deployment';
import { startEmulator } from './emulator-setup';

/** The stack on an emulator of its own, from what the set-up of all tests has synthesised, if it has. */
export async function ownDeployment() {
  const emulator = await startEmulator();
  const { port, dir } = emulator;
  const template = process.env['MERCATO_TEST_TEMPLATE'];
  if (template) {
    cpSync(dirname(template), join(dir, 'cdk.out'), { recursive: true });
    await bootstrap(port);
    await deploySynthesised({ port, outDir: dir });
  } else {
    await deploy({ port, outDir: dir });
  }
  return { ...emulator, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
