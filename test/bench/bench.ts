import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { deploy } from '../../bin/deployment';
import { freePort, startEmulator } from '../support/emulator-setup';
import { catalogue } from './catalogue';
import { cold } from './cold';
import { lists } from './lists';
import { mailings } from './mailings';
import { orders } from './orders';
import { receipts } from './receipts';
import { warm } from './warm';

/** Those that need the deployed stack, all on one. */
const ON_THE_STACK = { orders, receipts, mailings };

/**
 * The figures, each from one run on this machine: those of the parts named (`warm`, `cold`, `orders`, `receipts`,
 * `mailings`, `catalogue`, `lists`), or all. `--short` for a minute's worth.
 */
async function main(): Promise<void> {
  const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
  const short = process.argv.includes('--short');
  const wanted = (part: string) => !named.length || named.includes(part);
  if (wanted('warm')) await warm();
  if (wanted('cold')) await cold(short);
  if (Object.keys(ON_THE_STACK).some(wanted)) {
    const emulator = await startEmulator();
    const sendPort = await freePort();
    const service = fork(join(__dirname, 'send-process.ts'), [String(sendPort)], { execArgv: ['--import', 'tsx'] });
    try {
      await once(service, 'message');
      // mailings: what the platform can do, not what a service allows; each request to a stand-in on the emulator is a
      // gateway's and a function's work, which is not ours to measure
      process.env['SEND_RATE_PER_SECOND'] = '0';
      process.env['SEND_API_URL'] = `http://127.0.0.1:${sendPort}`;
      await deploy({ port: emulator.port, outDir: emulator.dir });
      process.env['MERCATO_E2E_PORT'] = String(emulator.port);
      if (wanted('orders')) await orders(emulator.pid, short);
      if (wanted('receipts')) await receipts(short);
      if (wanted('mailings')) await mailings(short);
    } finally {
      service.kill();
      await emulator.stop();
    }
  }
  if (wanted('catalogue')) await catalogue(short);
  if (wanted('lists')) lists(short);
}

void main();
