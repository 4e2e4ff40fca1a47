import { call, isEmpty } from './api';

const COUNT = 12;

/**
 * Places orders, whose tasks and webhooks can be followed, unless there are some.
 * @param url base address of the API
 */
export async function firstOrders(url: string, headers: Record<string, string>): Promise<void> {
  const orders = `${url}/api/v1/data/orders/`;
  if (!(await isEmpty(orders, headers))) return;
  const { faker } = await import('@faker-js/faker/locale/en');
  for (let number = 0; number < COUNT; number++) {
    const price = faker.number.int({ min: 5, max: 90 });
    const quantity = faker.number.int({ min: 1, max: 3 });
    await call(
      orders,
      {
        address: faker.location.streetAddress(),
        phone_number: `+2165874${String(1_000 + number)}`,
        total_paid: price * quantity,
        currency: 'TND',
        items: [{ item_name: faker.commerce.productName(), price, quantity }],
      },
      headers,
    );
  }
}
