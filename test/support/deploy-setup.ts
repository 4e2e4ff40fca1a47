import { bootstrap, deploySynthesised } from '../../bin/deployment';
import emulatorSetup, { orTearDown } from './emulator-setup';

/** Before the end-to-end tests: deploys the stack to the test emulator (or takes what is deployed on MERCATO_E2E_PORT). */
export default async function setup(): Promise<void> {
  if (process.env['MERCATO_E2E_PORT']) return;
  await emulatorSetup();
  const emulator = globalThis.mercatoTest;
  if (!emulator) throw new Error('there is no test emulator to deploy to');
  await orTearDown(async () => {
    await bootstrap(emulator.port);
    await deploySynthesised({ port: emulator.port, outDir: emulator.dir });
  });
  process.env['MERCATO_E2E_PORT'] = String(emulator.port);
}
