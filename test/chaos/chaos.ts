import { execFileSync } from 'node:child_process';
import { deploy } from '../../bin/deployment';
import { startEmulator } from '../support/emulator-setup';
import { chaosOfMailings } from './mailings';
import { chaosOfOrders } from './orders';
import { chaosOfReceipts } from './receipts';

/**
 * Proofs that nothing is lost under faults: of the parts named (`orders`, `receipts`, `mailings`,
 * `neighbours`), or all. `--short` for some minutes' worth.
 */
async function main(): Promise<void> {
  const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
  const wanted = (part: string) => !named.length || named.includes(part);
  // on an emulator of its own, whose clock moves
  if (wanted('neighbours')) execFileSync('npx', ['jest', '--selectProjects', 'chaos'], { stdio: 'inherit' });
  if (named.join() === 'neighbours') return;
  const short = process.argv.includes('--short');
  const emulator = await startEmulator();
  try {
    await deploy({ port: emulator.port, outDir: emulator.dir });
    process.env['MERCATO_E2E_PORT'] = String(emulator.port);
    if (wanted('orders')) process.stdout.write(`  ${await chaosOfOrders(emulator.pid, short ? 40 : 500)}\n`);
    if (wanted('receipts')) process.stdout.write(`  ${await chaosOfReceipts(emulator.pid, short ? 150 : 300)}\n`);
    if (wanted('mailings')) process.stdout.write(`  ${await chaosOfMailings(emulator.pid, short ? 300 : 10_000)}\n`);
  } finally {
    await emulator.stop();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`  ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
