import { createServer } from 'node:http';
import { sendService } from '../../lambdas/sandbox/send';

/** The sandbox's send service behind a plain server: the neighbour of the bench, a process of its own, without delay. */
const server = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  const header = (name: string) => request.headers[name] as string | undefined;
  const answer = await sendService({ method: request.method ?? '', path: request.url ?? '', query: {}, header, body });
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer.body));
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('ready'));
