import { writeUnits } from '../receipts/write-units';
import { openShop, type Shop } from './shop';

jest.setTimeout(300_000);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

test('a message that is sent at the first try costs less than eight write units, its indexes and counters included', async () => {
  const count = 570;
  await shop.fill(count, () => ({ tag: 'cost' }));
  let each = Number.POSITIVE_INFINITY;
  // the run of a mailing looks more often while the machine is busy with other things: the least of three is its cost
  for (let tried = 0; tried < 3 && each >= 8; tried++) {
    let mailing = '';
    const units = await writeUnits(async () => {
      mailing = await shop.mail({ filter: { tag: 'cost' } });
      await shop.finish(mailing);
    });
    expect(await shop.counts(mailing)).toMatchObject({ sent: count });
    each = Math.min(each, units / count);
  }
  if (process.env['MERCATO_FIGURES']) process.stdout.write(`write units a message: ${each.toFixed(2)}\n`);
  expect(each).toBeGreaterThan(5);
  expect(each).toBeLessThan(8);
});
