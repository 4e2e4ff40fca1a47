import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startMiniStack, stopMiniStack } from '../../bin/emulator';
import { endpointOf, whatListens } from '../../bin/port';
import { freePort } from './copy';

test('data outlive a clean stop; after none, nothing is left half', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'mercato-emulator-'));
  const port = await freePort();
  const bucket = `${endpointOf(port)}/bucket`;
  const found = async () => (await fetch(bucket)).status;
  const keep = async () => {
    for (const address of [bucket, `${bucket}/key`]) await fetch(address, { method: 'PUT', body: 'x' });
    expect(await found()).toBe(200);
  };
  try {
    const first = await startMiniStack({ port, dir });
    await keep();
    process.kill(first.pid, 'SIGKILL');
    while (await whatListens(port)) await pause(20);

    const second = await startMiniStack({ port, dir });
    expect(await found()).toBe(404);
    await keep();
    await second.stop();
    expect(await whatListens(port)).toBeUndefined();

    const third = await startMiniStack({ port, dir });
    expect(await found()).toBe(200);
    await third.stop();
  } finally {
    await stopMiniStack(dir);
    rmSync(dir, { recursive: true, force: true });
  }
});
