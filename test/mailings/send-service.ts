import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  id: string;
  phone: number;
  text: string;
  at: number;
}

/** What the service does with a request: `undefined` is to take the message; a status or a text is answered as it is. */
export type Whim = (asked: Asked, number: number) => undefined | number | string | 'hang';

/** The send service as the tests play it: remembers what it took and what it was asked. */
export async function sendService() {
  const asked: Asked[] = [];
  const taken = new Map<string, Asked>();
  let whim: Whim = () => undefined;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const message = { ...JSON.parse(body), at: Date.now() } as Asked;
    asked.push(message);
    const what = request.headers.authorization?.startsWith('Bearer ') ? whim(message, asked.length) : 401;
    if (what === 'hang') return;
    if (what === undefined) taken.set(String(request.url).split('/').at(-1) ?? '', message);
    const again = what === 429 ? { 'retry-after': '7' } : {};
    response.writeHead(typeof what === 'number' ? what : 200, { 'content-type': 'application/json', ...again });
    response.end(typeof what === 'string' ? what : JSON.stringify({ code: what ?? 0, message: what ? 'no' : 'OK' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    taken,
    behave: (next: Whim) => {
      whim = next;
    },
    forget: () => {
      asked.length = 0;
      taken.clear();
      whim = () => undefined;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
export type SendService = Awaited<ReturnType<typeof sendService>>;
