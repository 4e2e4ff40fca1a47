import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { now } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { fixedId } from '../kernel/id';
import { table } from '../kernel/table';
import type { Answer, Request } from './stand-in';

const store = table();

/** A token is valid for five minutes of the machine's time. */
const TOKEN_MS = 300_000;
const TOKEN_KEY = { pk: 'OFFERS#TOKEN', sk: 'TOKEN' };
const StoredToken = z.object({ token: z.string(), valid_until: z.number() });
const productKey = (id: string) => ({ pk: `OFFERS#PRODUCT#${id}`, sk: 'PRODUCT' });

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NewProduct = z.object({ id: z.string().regex(UUID), name: z.string(), description: z.string() });

const refusal = (status: number, detail: unknown): Answer => ({ status, body: { detail } });

/** Gives a token, unless the last one is still valid: then 400. One conditional write. */
async function authenticate(refreshToken: string | undefined): Promise<Answer> {
  if (!refreshToken) return refusal(401, 'Bad authentication');
  const at = Date.now();
  const token = randomBytes(32).toString('base64url');
  const set = { token, valid_until: at + TOKEN_MS };
  const issued = await commitIf({
    writes: [store.update(TOKEN_KEY, { set, add: { issued: 1 } }, { below: { valid_until: at } })],
  });
  if (issued) return { status: 201, body: { access_token: token } };
  return refusal(400, 'Cannot generate access token because another is active');
}

let known: z.output<typeof StoredToken> | undefined;

async function isAuthorized(token: string | undefined): Promise<boolean> {
  if (!token) return false;
  if (known?.token !== token) known = await store.find(StoredToken, TOKEN_KEY);
  return known?.token === token && known.valid_until > Date.now();
}

const registered = new Set<string>();

async function isRegistered(id: string): Promise<boolean> {
  if (registered.has(id)) return true;
  if (!(await store.find(z.object({ pk: z.string() }), productKey(id)))) return false;
  registered.add(id);
  return true;
}

async function register(text: string): Promise<Answer> {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    return refusal(422, 'Not JSON');
  }
  const product = NewProduct.safeParse(input);
  if (!product.success)
    return refusal(
      422,
      product.error.issues.map(({ path, message }) => ({ loc: path, msg: message })),
    );
  const { id, name } = product.data;
  const isNew = await commitIf({ writes: [store.put({ ...productKey(id), name }, { exists: false })] });
  return isNew ? { status: 201, body: { id } } : refusal(409, 'Product already registered');
}

/** A number from 0 to 1 that is always the same for the same words. */
const chance = (...words: (string | number)[]): number =>
  createHash('md5').update(words.join(' ')).digest().readUInt32BE() / 2 ** 32;

const between = (low: number, high: number, ...words: (string | number)[]): number =>
  Math.floor(low + (high - low) * chance(...words));

/**
 * The offers of a product at a minute: two to five sellers, each with prices that hold for three to fifteen minutes within a
 * tenth of its own level, a stock that moves, and offers that end after one to four hours. A seller comes back once with
 * the same offer, then with a new one. Made from the product's id and the minute alone.
 */
export function offersAt(product: string, minute: number) {
  const level = 15 + 1_200 * chance(product) ** 3;
  return Array.from({ length: between(2, 6, product, 'sellers') }, (_, seller) => {
    const words = [product, seller] as const;
    const life = between(60, 240, ...words, 'life');
    const age = minute + between(0, life, ...words, 'offset');
    const offer = Math.floor(age / life);
    if (age % life >= life * 0.9) return undefined;
    const step = Math.floor(age / between(3, 15, ...words, 'step'));
    const price = level * (0.9 + 0.3 * chance(...words)) * (0.95 + 0.1 * chance(...words, 'price', step));
    const soldOut = chance(...words, 'sold out', Math.floor(age / 30)) < 0.05;
    return {
      id: fixedId(`offer ${seller} ${Math.floor(offer / 2)}`, product),
      price: Math.round(price * 100) / 100,
      items_in_stock: soldOut ? 0 : between(1, 200, ...words, 'stock', Math.floor(age / 10)),
    };
  }).filter((one) => one !== undefined);
}

const MINUTE_MS = 60_000;

/**
 * The offers microservice in its newest contract: one access token at a time, products registered once, offers that come,
 * go and change their prices by the product's clock. A write for a token or a product, at most two reads else.
 */
export async function offers({ method, path, header, body }: Request): Promise<Answer> {
  if (method === 'POST' && path === '/api/v1/auth') return authenticate(header('bearer'));
  const id = /^\/api\/v1\/products\/([^/]+)\/offers$/.exec(path)?.[1];
  const isRegister = method === 'POST' && path === '/api/v1/products/register';
  if (!isRegister && !(method === 'GET' && id)) return refusal(404, 'Not Found');
  if (!(await isAuthorized(header('bearer')))) return refusal(401, 'Bad authentication');
  if (isRegister) return register(body);
  if (!id || !UUID.test(id)) return refusal(422, [{ loc: ['path', 'product_id'], msg: 'not a valid uuid' }]);
  if (!(await isRegistered(id))) return refusal(404, 'Product does not exist');
  return { status: 200, body: offersAt(id, Math.floor(now().getTime() / MINUTE_MS)) };
}
