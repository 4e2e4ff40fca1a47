import type { Input, OperationName, Operations, Output, Route, Routes } from './operations';
import { problemOf } from './problem';

export interface Settings {
  /** The `Authorization` header, or what gives it at each call: `Bearer <access>`, `Api-Key <key>`. */
  authorization?: string | (() => Promise<string | undefined>);
  /** @default the runtime's own */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Names this call: repeated with the same key it has one effect. @default a new one where the operation takes it */
  idempotencyKey?: string;
  /** Only when this version (`etag` of a reply) is still the current one, else a problem 412. */
  ifMatch?: string;
  signal?: AbortSignal;
}

/** An answer with what stands beside its body. */
export interface Reply<T> {
  body: T;
  status: number;
  etag: string | undefined;
}

type Arguments<O> =
  object extends Input<O> ? [input?: Input<O>, options?: CallOptions] : [input: Input<O>, options?: CallOptions];

export interface Call<O> {
  /** @throws MercatoProblem for whatever is no success */
  (...args: Arguments<O>): Promise<Output<O>>;
  reply(...args: Arguments<O>): Promise<Reply<Output<O>>>;
  /** All of a list, page after page as they are needed. */
  all: Output<O> extends { results: (infer Item)[] }
    ? (...args: Arguments<O>) => AsyncGenerator<Item, void, undefined>
    : never;
}

export type Mercato = { [Name in OperationName]: Call<Operations[Name]> };

type Loose = Record<string, unknown> & { query?: Record<string, unknown>; body?: unknown };

const newKey = (): string => Array.from(crypto.getRandomValues(new Uint32Array(4)), (one) => one.toString(36)).join('');

function addressOf(url: string, { path }: Route, { query = {}, ...params }: Loose): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') search.append(name, String(one));
    }
  }
  return `${url}${filled}${search.size ? `?${search}` : ''}`;
}

const MOST_TRIES = 3;
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

/**
 * Calls one operation. What may be repeated (reads, and writes with an `Idempotency-Key`) is tried up to three times when
 * there is no answer, or one that asks for a pause of at most ten seconds.
 */
async function send(url: string, route: Route, settings: Settings, input: Loose, options: CallOptions) {
  const { method, idempotent, consumes } = route;
  const { authorization, fetch: request = fetch } = settings;
  const key = options.idempotencyKey ?? (idempotent && newKey());
  const { body } = input;
  const mayRepeat = method === 'GET' || key !== undefined;
  for (let tries = 1; ; tries++) {
    const mayTryAgain = mayRepeat && tries < MOST_TRIES;
    const credentials = typeof authorization === 'function' ? await authorization() : authorization;
    const response = await request(addressOf(url, route, input), {
      method,
      headers: {
        ...(credentials && { authorization: credentials }),
        ...(body !== undefined && { 'content-type': consumes ?? 'application/json' }),
        ...(key && { 'idempotency-key': key }),
        ...(options.ifMatch && { 'if-match': options.ifMatch }),
      },
      ...(body !== undefined && { body: consumes ? String(body) : JSON.stringify(body) }),
      ...(options.signal && { signal: options.signal }),
    }).catch((error: unknown) => {
      if (!mayTryAgain || options.signal?.aborted) throw error;
      return undefined;
    });
    if (response?.ok) return response;
    const seconds = Number(response?.headers.get('retry-after') ?? 1);
    const isBusy = !response || [429, 503].includes(response.status);
    if (response && !(mayTryAgain && isBusy && seconds <= 10)) throw await problemOf(response);
    await pause(seconds);
  }
}

async function readReply(response: Response): Promise<Reply<unknown>> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  const body = text && isJson ? (JSON.parse(text) as unknown) : text || undefined;
  return { body, status: response.status, etag: response.headers.get('etag') ?? undefined };
}

interface AnyPage {
  results: unknown[];
  next?: string | null;
}

/** A client of the API at a base address, with a method for each operation of some routes. */
export function clientOf(routes: Routes, url: string, settings: Settings = {}): Mercato {
  const base = url.replace(/\/$/, '');
  const made = Object.entries(routes).map(([name, route]) => {
    const reply = async (input: Loose = {}, options: CallOptions = {}) =>
      readReply(await send(base, route, settings, input, options));
    const call = async (input?: Loose, options?: CallOptions) => (await reply(input, options)).body;
    async function* all(input: Loose = {}, options?: CallOptions) {
      let { query } = input;
      for (;;) {
        const { results, next = null } = (await call({ ...input, ...(query && { query }) }, options)) as AnyPage;
        yield* results;
        if (next === null) return;
        query = { ...query, cursor: new URLSearchParams(next.split('?')[1]).get('cursor') };
      }
    }
    return [name, Object.assign(call, { reply, all })] as const;
  });
  return Object.fromEntries(made) as unknown as Mercato;
}
