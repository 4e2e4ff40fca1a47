import * as z from 'zod';
import { env, findEnv } from '../kernel/env';
import { findNeighbour } from '../kernel/neighbour';
import { NoAnswer, type Response, request } from '../kernel/request';
import { findSecret } from '../kernel/secret';
import { accessToken, type Renewal, TokenUnavailable } from './access-token';
import { type Failure, ServiceOffers } from './schema';

/** The service did not give what was asked for. Nothing that is stored changes by it. */
export class ServiceFailure extends Error {
  override readonly name = 'ServiceFailure';
  constructor(
    readonly failure: Failure,
    message: string,
    /** What the service asked to wait. */
    readonly retryAfterSeconds = 0,
  ) {
    super(message);
  }
}

/** For the whole answer. A service that is slower is as good as down for a minute's refresh of ten thousand products. */
const timeoutMs = (): number => Number(findEnv('OFFERS_TIMEOUT_MS') ?? 5_000);
/** A thousand offers take some 120 KB. */
const MAX_BYTES = 1_000_000;
/** Given by the service's contract. */
const TOKEN_SECONDS = 300;

interface Answer {
  status: number;
  body: unknown;
}

const RETRY_AFTER = /^\d{1,5}$/;

function bodyOf({ status, text }: Response): unknown {
  // what matters of these is the status alone
  if ([401, 404, 409].includes(status)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    if (status >= 400) return text;
    throw new ServiceFailure('garbage', text ? 'the answer is not JSON' : 'the answer is empty');
  }
}

/** One call, over a connection that is kept. @throws ServiceFailure when there is no answer in JSON, or 429 or 5xx */
async function call(method: 'GET' | 'POST', path: string, token: string, body?: unknown): Promise<Answer> {
  const base = findNeighbour('BASE_OFFER_MICROSERVICE_API', 'offers');
  if (!base) throw new ServiceFailure('unavailable', 'BASE_OFFER_MICROSERVICE_API is not set');
  let response: Response;
  try {
    response = await request({
      method,
      url: base + path,
      // the service's own name for the header
      headers: { bearer: token, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs: timeoutMs(),
      maxBytes: MAX_BYTES,
    });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    throw new ServiceFailure(error.message.includes('within') ? 'slow' : 'unavailable', error.message);
  }
  const { status, headers } = response;
  if (status === 429) {
    const seconds = headers['retry-after'] ?? '';
    throw new ServiceFailure('busy', 'status 429', RETRY_AFTER.test(seconds) ? Number(seconds) : 0);
  }
  if (status >= 500) throw new ServiceFailure('unavailable', `status ${status}`);
  return { status, body: bodyOf(response) };
}

/** What a header can hold. */
const NewToken = z.object({ access_token: z.string().regex(/^[\x21-\x7e]{1,10000}$/) });

/** `POST /api/v1/auth`: 201 with a token, or 400 as long as the one before it is valid. */
async function renew(): Promise<Renewal> {
  const refreshToken = await findSecret(env('OFFERS_SECRET_ARN'));
  if (!refreshToken) throw new Error('the refresh token is missing: set OFFERS_REFRESH_TOKEN');
  const askedAt = Date.now();
  const { status, body } = await call('POST', '/api/v1/auth', refreshToken);
  if (status === 400) return 'too early';
  const token = NewToken.safeParse(body);
  if (status !== 201 || !token.success) throw new Error(`status ${status}`);
  return { value: token.data.access_token, expiresAt: askedAt + TOKEN_SECONDS * 1_000 };
}

/** A request with the shared access token; once more with a new one when the service does not take it. */
async function authorized(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
  try {
    const token = await accessToken(renew);
    const answer = await call(method, path, token, body);
    if (answer.status !== 401) return answer;
    const next = await accessToken(renew, token);
    const again = next === token ? answer : await call(method, path, next, body);
    if (again.status === 401) throw new ServiceFailure('unauthorized', 'status 401');
    return again;
  } catch (error) {
    if (error instanceof TokenUnavailable) throw new ServiceFailure('unavailable', error.message);
    throw error;
  }
}

const problemOf = (body: unknown): string => JSON.stringify(body ?? null).slice(0, 300);

/** Makes a product known to the service; known already is success too. @throws ServiceFailure */
export async function registerProduct(product: { id: string; name: string; description: string }): Promise<void> {
  const { status, body } = await authorized('POST', '/api/v1/products/register', product);
  if (status === 409) return;
  if (status === 422 || status === 400) throw new ServiceFailure('refused', `status ${status}: ${problemOf(body)}`);
  if (status !== 201) throw new ServiceFailure('garbage', `status ${status}`);
  const { data } = z.object({ id: z.string() }).safeParse(body);
  if (data?.id !== product.id) throw new ServiceFailure('garbage', 'the answer does not name the product');
}

/** The offers that the service has for a product now. @throws ServiceFailure */
export async function fetchOffers(product: string): Promise<ServiceOffers> {
  const { status, body } = await authorized('GET', `/api/v1/products/${product}/offers`);
  if (status === 404) throw new ServiceFailure('not_found', 'status 404');
  if (status === 422) throw new ServiceFailure('refused', `status 422: ${problemOf(body)}`);
  if (status !== 200) throw new ServiceFailure('garbage', `status ${status}`);
  const offers = ServiceOffers.safeParse(body);
  if (!offers.success)
    throw new ServiceFailure('garbage', `the answer has the wrong shape: ${offers.error.issues[0]?.message}`);
  return offers.data;
}
