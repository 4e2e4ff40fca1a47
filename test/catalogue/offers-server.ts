import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServiceOffer {
  id: string;
  price: number | string;
  items_in_stock: number;
}

/** What a product's offers are answered with: offers, a status, a text as it is; `hang` not at all, `hang up` half. */
type Script = ServiceOffer[] | number | string;

/** An offers service that does what a test says and counts what it is asked. */
export async function offersServer() {
  const tokenMs = 300_000;
  const state = {
    /** Tokens given, and requests for one that were refused. */
    issued: 0,
    refused: 0,
    token: undefined as string | undefined,
    validUntil: 0,
    registered: new Map<string, { name: string }>(),
    offers: new Map<string, Script>(),
    /** What every request but for tokens is answered with, if set. */
    everything: undefined as number | undefined,
    fetched: 0,
    /** Milliseconds before a token is given. */
    tokenDelay: 0,
    /** Takes any refresh token, as the sandbox does, or none. */
    anyRefreshToken: false as boolean | 'none',
    /** Requests for all but tokens. */
    asked: 0,
    retryAfter: undefined as string | undefined,
    /** Milliseconds before offers are given. */
    delay: 0,
    /** The next token that is given, instead of one that the service makes. */
    nextToken: undefined as string | undefined,
    /** What happens once, while a registration is on its way. */
    meanwhile: undefined as (() => Promise<unknown>) | undefined,
  };

  async function answer(request: IncomingMessage, body: string): Promise<[number, unknown]> {
    const { url = '', headers } = request;
    const bearer = String(headers['bearer'] ?? '');
    if (url === '/api/v1/auth') {
      if (state.anyRefreshToken === 'none') return [401, {}];
      if (bearer !== 'refresh-token' && !state.anyRefreshToken) return [401, {}];
      if (state.validUntil > Date.now()) {
        state.refused++;
        return [400, {}];
      }
      state.issued++;
      state.token = state.nextToken ?? randomUUID();
      state.nextToken = undefined;
      state.validUntil = Date.now() + tokenMs;
      await new Promise((resolve) => setTimeout(resolve, state.tokenDelay));
      return [201, { access_token: state.token }];
    }
    state.asked++;
    if (bearer !== state.token || state.validUntil <= Date.now()) return [401, {}];
    if (state.everything) return [state.everything, {}];
    if (url === '/api/v1/products/register') {
      const { id, name } = JSON.parse(body) as { id: string; name: string };
      const { meanwhile } = state;
      state.meanwhile = undefined;
      await meanwhile?.();
      if (name.startsWith('Refused')) return [422, { detail: 'no such name' }];
      if (state.registered.has(id)) return [409, {}];
      state.registered.set(id, { name });
      return [201, { id }];
    }
    const id = /\/products\/([^/]+)\/offers$/.exec(url)?.[1] ?? '';
    state.fetched++;
    const script = state.offers.get(id) ?? [];
    if (state.delay) await new Promise((resolve) => setTimeout(resolve, state.delay));
    return typeof script === 'number' ? [script, {}] : [200, script];
  }

  const server = createServer(async (request, response: ServerResponse) => {
    let body = '';
    for await (const part of request) body += part;
    const [status, reply] = await answer(request, body);
    if (reply === 'hang') return;
    if (reply === 'hang up') return void request.socket.destroy();
    const retryAfter = state.retryAfter !== undefined && { 'retry-after': state.retryAfter };
    response.writeHead(status, { 'content-type': 'application/json', ...retryAfter });
    response.end(typeof reply === 'string' ? reply : JSON.stringify(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    state,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
export type OffersServer = Awaited<ReturnType<typeof offersServer>>;
