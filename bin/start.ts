import { join } from 'node:path';
import { endChildren } from './child';
import { startedLocalStack } from './docker';
import { findMiniStack, stopMiniStack } from './emulator';
import { followLogs } from './logs';
import { whatListens } from './port';
import { ProcessFile } from './process-file';
import { fail, interrupt, say, step } from './screen.cjs';
import { directoryOf } from './settings';
import { up } from './up';

/**
 * Brings everything up, then follows the functions' logs until Ctrl-C, which stops the emulator and keeps the data.
 * Beside another `npm start` on the same port it only looks on: the Ctrl-C of the first one stops the emulator.
 */
export async function start(port: number): Promise<void> {
  const dir = directoryOf(port);
  const starts = new ProcessFile(join(dir, 'start.pid'), 'mercato.cjs start');
  const first = await starts.find();
  if (first === undefined) starts.write(process.pid);
  else
    say(`  Mercato already runs here (process ${first}): it is brought up to date, and its logs follow here as well.`);

  const ending = new AbortController();
  let isUp = false;
  async function end(): Promise<void> {
    if (ending.signal.aborted) return; // npm passes the signal on a second time
    ending.abort();
    endChildren();
    interrupt();
    const othersTurn = first !== undefined && (await starts.find()) !== undefined;
    if (othersTurn) say('  Mercato goes on running.');
    else if (await findMiniStack(dir)) {
      await step('Stop the emulator and save its data', () => stopMiniStack(dir));
      say('  The next npm start goes on with the data.');
    } else if (startedLocalStack(dir)) {
      say('  LocalStack goes on running, for it keeps its data in memory. End it, and them, with: npm run down');
    } else if (await whatListens(port)) {
      say('  The emulator is not one that was started from here: it is left alone.');
    }
    if (first === undefined) starts.clear();
    process.exit(isUp ? 0 : 130);
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      end().catch((error) => {
        fail(error);
        process.exit();
      });
    });
  }

  try {
    await up(port);
    isUp = true;
    say('  The logs of the functions follow. Ctrl-C stops Mercato and keeps the data.\n');
    await followLogs(port, ending.signal, say);
    if (!ending.signal.aborted) say('  The emulator was stopped.');
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  } finally {
    if (!ending.signal.aborted && first === undefined) starts.clear();
  }
}
