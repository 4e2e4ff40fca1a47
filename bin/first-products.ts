import { setTimeout as pause } from 'node:timers/promises';
import { call, isEmpty } from './api';

/** Few enough that the emulator, which runs a process for each request at once, refreshes them in a second. */
const COUNT = 20;
/** Registration takes a second or two; when it does not, the schedule's refresh finds the products later. */
const PATIENCE_MS = 15_000;

type Products = { results?: { offers_status: string }[] };

/**
 * Adds products to look at and refreshes their prices once they are registered, unless there are some or an outside offers
 * service is set, which would get to know them. Their prices come from the sandbox, and move with each minute's refresh.
 * Safe to run again.
 * @param url base address of the API
 */
export async function firstProducts(url: string, headers: Record<string, string>): Promise<void> {
  if (process.env['BASE_OFFER_MICROSERVICE_API']) return;
  const products = `${url}/api/products/`;
  const list = () => call<Products>(`${products}?limit=${COUNT}`, undefined, headers);
  if (!(await isEmpty(products, headers))) return;
  const { faker } = await import('@faker-js/faker/locale/en');
  faker.seed(1);
  for (let number = 0; number < COUNT; number++) {
    const product = { name: faker.commerce.productName(), description: faker.commerce.productDescription() };
    await call(products, product, { ...headers, 'idempotency-key': `first-product-${number}` });
  }
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await pause(200)) {
    const { results = [] } = await list();
    if (!results.some(({ offers_status }) => offers_status === 'registering')) break;
  }
  await call(`${url}/api/catalogue/runs/`, {}, { ...headers, 'idempotency-key': 'first-refresh' });
}
