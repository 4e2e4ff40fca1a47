import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { NoAnswer, request } from '../../lambdas/kernel/request';

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A service that answers each request as told, by its place among those of its connection. */
async function service(answer: (response: ServerResponse, place: number) => void) {
  const asked: string[] = [];
  const places = new Map<Socket, number>();
  const server = createServer((message: IncomingMessage, response) => {
    const place = (places.get(message.socket) ?? 0) + 1;
    places.set(message.socket, place);
    asked.push(`${message.method} ${place}`);
    answer(response, place);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { asked, ask: (method: 'GET' | 'POST') => request({ method, url, timeoutMs: 5_000 }) };
}

/** Takes one request a connection, and closes it at the next, as a server does that has waited long enough. */
const impatient = () =>
  service((response, place) => (place > 1 ? response.socket?.destroy() : response.end(`answer ${place}`)));

test('a GET on a kept connection that was closed is asked again on a new one', async () => {
  const { asked, ask } = await impatient();
  expect((await ask('GET')).text).toBe('answer 1');
  expect((await ask('GET')).text).toBe('answer 1');
  expect(asked).toEqual(['GET 1', 'GET 2', 'GET 1']);
});

test('what may have had an effect is not sent again', async () => {
  const { asked, ask } = await impatient();
  await ask('GET');
  await expect(ask('POST')).rejects.toEqual(new NoAnswer('no answer: ECONNRESET'));
  expect(asked).toEqual(['GET 1', 'POST 2']);
});

test('nor is what a new connection broke off at', async () => {
  const { asked, ask } = await service((response) => response.socket?.destroy());
  await expect(ask('GET')).rejects.toEqual(new NoAnswer('no answer: ECONNRESET'));
  expect(asked).toEqual(['GET 1']);
});

test('a change of protocol is no answer', async () => {
  const { ask } = await service((response) =>
    response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
  );
  await expect(ask('GET')).rejects.toEqual(new NoAnswer('no answer: connection lost'));
});
