import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  id: string;
  phone: number;
  text: string;
  at: number;
}

/** What the service does with a request: `undefined` is to take the message; a status or a text is answered as it is. */
type Answer = undefined | number | string | 'hang';
export type Whim = (asked: Asked, number: number) => Answer | Promise<Answer>;

/** The send service as the tests play it: remembers what it took and what it was asked. */
export async function sendService() {
  const asked: Asked[] = [];
  const taken = new Map<string, Asked>();
  let whim: Whim = () => undefined;
  let patience = '7';
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const message = { ...JSON.parse(body), at: Date.now() } as Asked;
    asked.push(message);
    const isKnown = request.headers.authorization?.startsWith('Bearer ');
    const what = isKnown ? await whim(message, asked.length) : 401;
    if (what === 'hang') return;
    if (what === undefined) taken.set(String(request.url).split('/').at(-1) ?? '', message);
    const again = what === 429 ? { 'retry-after': patience } : {};
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
    /** What it says in `Retry-After` with each 429. */
    askForPatience: (seconds: string) => {
      patience = seconds;
    },
    forget: () => {
      asked.length = 0;
      taken.clear();
      whim = () => undefined;
      patience = '7';
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
export type SendService = Awaited<ReturnType<typeof sendService>>;
