import { rmSync } from 'node:fs';

export default async function teardown(): Promise<void> {
  const emulator = globalThis.mercatoTest;
  if (!emulator) return;
  globalThis.mercatoTest = undefined;
  await emulator.stop();
  rmSync(emulator.dir, { recursive: true, force: true });
}
