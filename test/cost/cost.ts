import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import setup from '../support/emulator-setup';
import teardown from '../support/emulator-teardown';
import '../support/setup';
import { monthly } from './monthly';
import { PRICES, type Unit } from './prices';

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(2));

const line = (what: string, cost: string, of: string | number = ''): void => {
  process.stdout.write(`  ${what.padEnd(52)} ${cost.padStart(7)}   ${of}\n`);
};

/** The things of one context, in a process whose environment names the emulator. */
async function thingsOf(context: string): Promise<void> {
  // the functions' clients take their address when they are loaded
  const [{ THINGS }, { dollars }] = await Promise.all([import('./things'), import('./meter')]);
  for await (const { thing, usage } of THINGS[context as keyof typeof THINGS]()) {
    const parts = Object.entries(usage)
      .filter(([, used]) => used > 0)
      .map(([unit, used]) => ({ used, ...PRICES[unit as Unit] }))
      .sort((a, b) => b.used * b.each - a.used * a.each);
    const most = parts.slice(0, 4).map(({ used, of }) => `${figure(used)} ${of}`);
    line(thing, figure(dollars(usage) * 1e6), most.join(', '));
  }
}

/**
 * What one thing costs on AWS at list prices, and what stands there unused. Calls, units and runs are counted on the
 * emulator; the time of a run is the one measured here, the emulator's own included.
 */
async function main(): Promise<void> {
  await setup();
  try {
    process.stdout.write('\n  US$ a million\n');
    for (const context of ['orders', 'receipts', 'mailings', 'catalogue']) {
      execFileSync(process.execPath, [...process.execArgv, __filename, context], { stdio: 'inherit' });
    }
    process.stdout.write('\n  US$ a month, production stage, unused\n');
    const standing = monthly(join(globalThis.mercatoTest?.dir ?? '', 'dist'));
    for (const { what, count, dollars } of standing) line(what, dollars.toFixed(2), count);
    line('together', standing.reduce((sum, { dollars }) => sum + dollars, 0).toFixed(2));
  } finally {
    await teardown();
  }
}

const [context] = process.argv.slice(2);
(context ? thingsOf(context) : main()).then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`  ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
