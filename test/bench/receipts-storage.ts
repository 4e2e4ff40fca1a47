import { randomUUID } from 'node:crypto';
import setup from '../support/emulator-setup';
import '../support/setup';
import { median, quietly, report } from './statistics';

const BATCH = 500;
const SHOPS = 20;
const HOURS = 25;
const PARTS = 4;
const CALLS = 60;

/**
 * What is counted rather than timed: write units of a batch, and what an answer reads, with the functions in this process.
 * A program of its own, on the emulator of `MERCATO_TEST_PORT`.
 */
async function main(): Promise<void> {
  await setup();
  // the functions' clients take their address when they are loaded
  const [{ platform }, faults, shop, { writeUnits }, { table, writeOne }] = await Promise.all([
    import('../support/platform'),
    import('../support/faults'),
    import('../receipts/shop'),
    import('../receipts/write-units'),
    import('../../lambdas/kernel/table'),
  ]);
  const p = await platform('receipts');
  try {
    const batch = (count: number) =>
      shop.shardOf(
        shop.some(count).map((one, n) => ({ ...one, transaction_id: randomUUID(), place_id: `shop-${n % SHOPS}` })),
      );
    const units = await quietly(async () => {
      // places are written once in their life
      await shop.deliver(p, shop.newShard(), batch(SHOPS));
      return writeUnits(() => shop.deliver(p, shop.newShard(), batch(BATCH)));
    });
    report(`write units a receipt, ${BATCH} of ${SHOPS} shops`, units / BATCH, 'units', 'aim ≤ 1.1');

    Object.assign(process.env, p.named('Receipts/Api').environment);
    const analyst = await p.callers.user('analyst');
    for (const receipts of [1_000, 1_000_000]) {
      const place_id = `place-of-${receipts}`;
      const place = { place_id, place_name: place_id, named_at: '' };
      await writeOne(table().put({ pk: `PLACE#${place_id}`, sk: 'PLACE', ...place }));
      const purchases = receipts / HOURS / PARTS;
      const sums = { purchases, amount: purchases * 4_000, nds: purchases * 667, tips: purchases * 300 };
      const food = { 's:food': purchases * 4_000, 'q:food': purchases, 'p:food': purchases };
      for (let part = 0; part < HOURS * PARTS; part++) {
        const hour = new Date(Date.UTC(2026, 0, 31, part % HOURS)).toISOString().slice(0, 13);
        const key = { pk: `TOTALS#${place_id}`, sk: `HOUR#${hour}#${Math.floor(part / HOURS)}` };
        await writeOne(table().put({ ...key, ...sums, ...food }));
      }
      const path = `/api/analytics/${place_id}/`;
      const query = { interval: 'hour', from: '2026-01-31', to: '2026-02-01T01:00:00Z' };
      const ask = () => quietly(() => p.api('GET', `${path}?${new URLSearchParams(query)}`, {}, analyst));
      const { body } = await ask();
      const times: number[] = [];
      faults.setFault(() => undefined);
      for (let call = 0; call < CALLS; call++) {
        const started = performance.now();
        await ask();
        times.push(performance.now() - started);
      }
      const reads = faults.calls.filter(({ command }) => /^(Get|Query|BatchGet)/.test(command)).length / CALLS;
      faults.setFault(undefined);
      report(`analytics of 25 hours, ${body.total_purchases} receipts, median`, median(times), 'ms');
      report('… with', reads, 'reads');
    }
  } finally {
    await p.close();
  }
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`  ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
