import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { offersAt } from '../../lambdas/sandbox/offers';

/** The sandbox's offers behind a plain server, each answer after 20 ms: the neighbour of the bench, a process of its own. */
const LATENCY_MS = 20;

/** Moves prices when it is told to (`PUT /minute`), not by itself. */
let minute = 0;

const server = createServer(async (request, response) => {
  for await (const _ of request);
  const { method, url = '' } = request;
  const id = /\/products\/([^/]+)\/offers$/.exec(url)?.[1];
  if (method === 'PUT') minute++;
  else await delay(LATENCY_MS);
  const body = url.endsWith('/auth') ? { access_token: 'bench' } : id ? offersAt(id, minute) : { minute };
  response.writeHead(url.endsWith('/auth') ? 201 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('ready'));
