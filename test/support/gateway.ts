import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';

export interface HttpRequest {
  method: string;
  /** With its query. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** Of the caller. @default 127.0.0.1 */
  address?: string;
}

/** The event that API Gateway's REST proxy integration makes of a request. */
export function proxyEvent({
  method,
  path,
  headers = {},
  body,
  address = '127.0.0.1',
}: HttpRequest): APIGatewayProxyEvent {
  const url = new URL(path, 'http://localhost');
  const multi: Record<string, string[]> = Object.create(null);
  for (const [name, value] of url.searchParams) multi[name] = [...(multi[name] ?? []), value];
  return {
    resource: '/{proxy+}',
    httpMethod: method,
    path: decodeURI(url.pathname),
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    queryStringParameters: Object.fromEntries(url.searchParams),
    multiValueQueryStringParameters: multi,
    pathParameters: null,
    stageVariables: null,
    body: body ?? null,
    isBase64Encoded: false,
    requestContext: { requestId: randomUUID(), identity: { sourceIp: address } } as never,
  };
}

const flat = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** A server on a free port of this machine that gives each request to a handler of proxy events. */
export async function serveGateway(
  handle: (request: HttpRequest) => Promise<APIGatewayProxyResult>,
): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const { method = 'GET', url: path = '/' } = request;
    const reply = await handle({ method, path, headers: flat(request.headers), ...(body && { body }) }).catch(
      () => undefined,
    );
    // the request has been read whole: its own destroy would leave the caller waiting
    if (!reply) return request.socket.destroy();
    response.writeHead(reply.statusCode, reply.headers as Record<string, string>);
    response.end(reply.isBase64Encoded ? Buffer.from(reply.body, 'base64') : reply.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
