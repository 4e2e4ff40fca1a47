import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { commit } from '../kernel/commit';
import { isOperator, type Principal } from '../kernel/contract';
import { type Handler, Reply } from '../kernel/http';
import { newId, shardOf, shards } from '../kernel/id';
import { toUnits } from '../kernel/money';
import { mergedPage } from '../kernel/page';
import { invalid, notFound, Problem } from '../kernel/problem';
import { type Item, type Key, table } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';
import type { Operations } from './contract';
import { LAST, nameKey } from './name-key';
import { findRegistration, newRegistration, registrationKey, restartedRegistration } from './registration-items';
import { Product } from './schema';
import { offersKey, watchKey } from './watch';

const products = table();

/** The product with what only this context sees: `version` counts the changes that people made. */
const StoredProduct = Product.extend({ version: z.int() });
type StoredProduct = z.output<typeof StoredProduct>;

export const productKey = (id: string): Key => ({ pk: `PRODUCT#${id}`, sk: 'PRODUCT' });

const nameSort = (name: string, id: string): string => `${nameKey(name)}\u0000${id}`;
/** Ten-thousandths in sixteen digits: sorts as text like the price does. */
export const priceSort = (price: string, id: string): string => `${String(toUnits(price)).padStart(16, '0')}#${id}`;

/** The attributes by which a product is found by its lowest price; it leaves that index without one. */
export const priceIndex = (id: string, lowest: string | null) => ({
  gsi3pk: lowest === null ? undefined : shardOf('PRICES', id),
  gsi3sk: lowest === null ? undefined : priceSort(lowest, id),
});

const nameIndex = (id: string, name: string) => ({ gsi2pk: shardOf('NAMES', id), gsi2sk: nameSort(name, id) });

/** A product as it is stored, with all that it is found by. */
export const productItem = (product: StoredProduct): Item => ({
  ...product,
  ...productKey(product.id),
  gsi1pk: shardOf('PRODUCTS', product.id),
  gsi1sk: product.id,
  ...nameIndex(product.id, product.name),
  ...priceIndex(product.id, product.lowest_price),
});

/** @throws Problem 404 */
export async function getStored(id: string): Promise<StoredProduct> {
  const product = await products.find(StoredProduct, productKey(id));
  if (!product) throw notFound('product');
  return product;
}

/** The product, if the caller may change it. @throws Problem 404, 403 */
async function getOwn(id: string, principal: Principal): Promise<StoredProduct> {
  const product = await getStored(id);
  if (product.owner === principal.id || isOperator(principal)) return product;
  throw new Problem(403, 'only its owner or an operator may change a product');
}

/**
 * Products, each order from an index of its own over four partitions: gsi1 by time, gsi2 by name, gsi3 by lowest price.
 * Reads four times the page's length of items at the most, four queries at once, no scan. Products without an offer in
 * stock are not in gsi3, so price orders do not show them.
 */
export const listProducts: Handler<Operations['listProducts']> = (call) => {
  const { search, sort = search === undefined ? 'newest' : 'name' } = call.query;
  const ascending = !sort.startsWith('-');
  if (sort === 'name' || sort === '-name') {
    const prefix = search === undefined ? undefined : nameKey(search);
    return mergedPage(products, Product, call, {
      index: 'gsi2',
      partitions: shards('NAMES'),
      sortKey: ({ name, id }: Product) => nameSort(name, id),
      ascending,
      // nothing but accents begins every name, and no key may be empty
      ...(prefix && { from: prefix, to: prefix + LAST }),
    });
  }
  if (search !== undefined) throw invalid([{ path: 'sort', message: 'expected name or -name together with search' }]);
  if (sort === 'newest') {
    const sortKey = ({ id }: Product) => id;
    return mergedPage(products, Product, call, { index: 'gsi1', partitions: shards('PRODUCTS'), sortKey });
  }
  return mergedPage(products, Product, call, {
    index: 'gsi3',
    partitions: shards('PRICES'),
    sortKey: ({ id, lowest_price }: Product) => priceSort(lowest_price ?? '0', id),
    ascending,
  });
};

/** Stores a product, its registration and the message to register it. One transaction of three items. */
export const addProduct: Handler<Operations['addProduct']> = async ({ body, principal, idempotency }) => {
  const id = newId();
  const at = timestamp();
  const product: StoredProduct = {
    ...body,
    id,
    owner: principal.id,
    offers_status: 'registering',
    offers_error: null,
    lowest_price: null,
    created_at: at,
    updated_at: at,
    version: 1,
  };
  const headers = { location: `/api/products/${id}/` };
  const { write, emit } = newRegistration(id, at);
  await commit({
    writes: [products.put(productItem(product), { exists: false }), write],
    emit: [emit],
    idempotency: idempotency?.remember({ status: 201, body: Product.parse(product), headers }),
  });
  return new Reply(product, { headers });
};

export const getProduct: Handler<Operations['getProduct']> = ({ params }) => getStored(params.id);

type Change = { name?: string | undefined; description?: string | undefined };

/**
 * One read and one write; again when somebody else changed it in between, unless `If-Match` was given. A product that the
 * offers service had refused is registered anew: a read more, and a transaction.
 */
const change = (
  {
    params,
    principal,
    requireMatch,
  }: Pick<Parameters<Handler<Operations['changeProduct']>>[0], 'params' | 'principal' | 'requireMatch'>,
  { name, description }: Change,
): Promise<Product> =>
  untilWritten(async () => {
    const product = await getOwn(params.id, principal);
    requireMatch(product);
    const { version } = product;
    const at = timestamp();
    const next = { name: name ?? product.name, description: description ?? product.description, updated_at: at };
    const registration = product.offers_status === 'error' ? await findRegistration(params.id) : undefined;
    const again = registration?.state === 'failed' ? restartedRegistration(registration, at) : undefined;
    const status = again && { offers_status: 'registering' as const, offers_error: null };
    const set = { ...next, ...status, version: version + 1, ...nameIndex(params.id, next.name) };
    // a refusal by the offers service in between concerns the name that is being changed
    const unchanged = { equals: { version, offers_status: product.offers_status } };
    const write = products.update(productKey(params.id), { set }, unchanged);
    await commit({ writes: [write, ...(again ? [again.write] : [])], emit: again ? [again.emit] : [] });
    return { ...product, ...next, ...status };
  });

export const replaceProduct: Handler<Operations['replaceProduct']> = (call) => change(call, call.body);
export const changeProduct: Handler<Operations['changeProduct']> = (call) => change(call, call.body);

/** Deletes the product, its offers and its registration; a refresh under way finds nothing to write to. One transaction. */
export const removeProduct: Handler<Operations['removeProduct']> = async ({
  params: { id },
  principal,
  requireMatch,
}) => {
  const others = [watchKey, offersKey, registrationKey].map((keyOf) => products.delete(keyOf(id)));
  await untilWritten(async () => {
    const product = await getOwn(id, principal);
    requireMatch(Product.parse(product));
    const { version } = product;
    await commit({ writes: [products.delete(productKey(id), { equals: { version } }), ...others] });
  });
  return undefined;
};
