import { call, isEmpty } from './api';

const RECEIPTS = 240;
const HOURS = 24;
const PLACES = ['Harbour Street 3', 'Market Square 1', 'Station 9'];
const CATEGORIES = ['books', 'electronics', 'groceries'];

/**
 * Sends receipts of three shops over the last day, in one call, unless some were counted before.
 * @param url base address of the API
 */
export async function firstReceipts(url: string, headers: Record<string, string>): Promise<void> {
  const checks = `${url}/api/checks/`;
  if (!(await isEmpty(checks, headers))) return;
  const { faker } = await import('@faker-js/faker/locale/en');
  const receipts = Array.from({ length: RECEIPTS }, () => {
    const place = faker.number.int({ max: PLACES.length - 1 });
    const items = faker.helpers.arrayElements(CATEGORIES).map((category) => ({
      product_id: faker.string.uuid(),
      quantity: faker.number.int({ min: 1, max: 4 }),
      price: faker.number.int({ min: 100, max: 9_000 }) / 100,
      category,
    }));
    const cents = items.reduce((sum, { quantity, price }) => sum + quantity * Math.round(price * 100), 0);
    return {
      transaction_id: faker.string.uuid(),
      timestamp: new Date(Date.now() - faker.number.int({ max: HOURS * 3_600_000 })).toISOString(),
      items,
      total_amount: cents / 100,
      nds_amount: Math.round(cents / 6) / 100,
      tips_amount: faker.number.int({ max: 500 }) / 100,
      payment_method: faker.helpers.arrayElement(['cash', 'credit_card']),
      place_id: `sample-${place + 1}`,
      place_name: PLACES[place],
    };
  });
  await call(checks, receipts, headers);
}
