import { startedLocalStack, stopLocalStack } from './docker';
import { findMiniStack, stopMiniStack } from './emulator';
import { whatListens } from './port';
import { say, step } from './screen.cjs';
import { directoryOf } from './settings';

/** Stops the emulator that this copy started on the port, so that its data are saved; never one that it did not start. */
export async function down(port: number): Promise<void> {
  const dir = directoryOf(port);
  if (await findMiniStack(dir)) await step('Stop the emulator and save its data', () => stopMiniStack(dir));
  else if (startedLocalStack(dir)) await step('Stop LocalStack', () => stopLocalStack(port, dir));
  else if (await whatListens(port)) say(`What answers on port ${port} was not started from here, so it stays.`);
  else say(`Nothing runs on port ${port}.`);
}
