import '../support/quick-passwords';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { CONTEXTS } from '../../lambdas/console/contracts';
import { exampleOf } from '../../lambdas/console/example';
import { openApi } from '../../lambdas/console/openapi';
import { website } from '../../lambdas/console/web';
import type { Operation } from '../../lambdas/kernel/contract';
import { newId } from '../../lambdas/kernel/id';
import { writeSite } from '../../lib/site';
import { type HttpRequest, proxyEvent } from '../support/gateway';
import { platform } from '../support/platform';
import { invoke } from '../support/processes';
import { type Caller, makeCallers } from './callers';

/** An operation of a contract, with all that a test needs to call it without knowing what it does. */
export interface Face {
  context: string;
  name: string;
  operation: Operation;
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are of every shape
  body: any;
}

/** Every operation of every contract: a new one is among them by itself. */
export const FACES: Face[] = CONTEXTS.flatMap(({ name: context, contract }) =>
  Object.entries<Operation>(contract).map(([name, operation]) => ({ context, name, operation })),
);

export const titleOf = ({ context, name, operation: { method, path } }: Face): string =>
  `${context}.${name} ${method} ${path}`;

/** The faces as rows of `test.each`, each with its title. */
export const rows = (faces: Face[]): [string, Face][] => faces.map((face) => [titleOf(face), face]);

/** A path of the operation for something that does not exist, or for the values given. */
export const pathOf = ({ operation: { path, params } }: Face, values: Record<string, string> = {}): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const { examples } = (params?.shape[name] as { meta?: () => { examples?: unknown[] } } | undefined)?.meta?.() ?? {};
    const example = String(examples?.[0] ?? newId());
    return values[name] ?? example.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, newId);
  });

/** A body that the operation takes, as far as its schema knows. */
export const bodyOf = ({ operation: { body, consumes } }: Face): unknown =>
  body ? exampleOf(body) : consumes?.example;

let made = 0;
/** The same for a thing that there is not yet: with ids and names that nothing has. */
export function freshBodyOf(face: Face): unknown {
  const text = JSON.stringify(bodyOf(face)) ?? 'null';
  made++;
  return JSON.parse(
    text
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, newId)
      .replace(/"ariana/g, `"ariana-${made}`)
      .replaceAll('79001234567', `7900${String(1_000_000 + made)}`),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: the document's parts are of every shape
const document: any = openApi(CONTEXTS, '0');

/** The statuses that the document promises for an operation. */
export const promised = ({ operation: { path, method, alias } }: Face): string[] | undefined =>
  alias ? undefined : Object.keys(document.paths[path][method.toLowerCase()].responses);

/** A private copy of the stack, and a way to call any operation of it through its context's entry point. */
export async function openFaces() {
  const copy = await platform(...CONTEXTS.map(({ name }) => name).filter((name) => name !== 'console'));
  const site = mkdtempSync(join(tmpdir(), 'mercato-site-'));
  await writeSite(site);
  const pages = website(site);

  /** Sends an event as it is, e.g. one that no URL could make. */
  async function sendEvent(context: string, event: APIGatewayProxyEvent): Promise<Reply> {
    const { statusCode, headers, body, isBase64Encoded } =
      context === 'console'
        ? await pages(event)
        : await invoke<APIGatewayProxyResult>(
            copy.named(`${context.charAt(0).toUpperCase()}${context.slice(1)}/Api`),
            event,
            { API_URL: copy.gateway },
          );
    const text = isBase64Encoded ? Buffer.from(body, 'base64').toString() : body;
    const isJson = String(headers?.['content-type']).includes('json') && text !== '';
    return {
      status: statusCode,
      headers: headers as Record<string, string>,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    };
  }

  return {
    ...copy,
    sendEvent,
    /** Callers of every kind. */
    known: await makeCallers(copy),

    /** Calls an operation, at a path of its own for something that does not exist unless another is given. */
    async send(
      face: Face,
      { body, ...request }: Omit<Partial<HttpRequest>, 'body'> & { body?: unknown },
      caller?: Caller,
    ): Promise<Reply> {
      const text = body === undefined || typeof body === 'string' ? (body as string | undefined) : JSON.stringify(body);
      return sendEvent(
        face.context,
        proxyEvent({
          method: face.operation.method,
          path: pathOf(face),
          ...request,
          headers: {
            ...(text !== undefined && { 'content-type': face.operation.consumes?.type ?? 'application/json' }),
            ...caller?.headers,
            ...request.headers,
          },
          ...(text !== undefined && { body: text }),
        }),
      );
    },

    async close(): Promise<void> {
      await copy.close();
      rmSync(site, { recursive: true });
    },
  };
}
export type Faces = Awaited<ReturnType<typeof openFaces>>;

/** Holds that an answer is a whole problem, RFC 9457, of one of some statuses, and that nothing of ours leaks. */
export function expectProblem(reply: Reply, instance: string, ...statuses: number[]): void {
  expect(statuses.length ? statuses : [reply.status]).toContain(reply.status);
  expect(reply.headers['content-type']).toBe('application/problem+json');
  expect(reply.body).toMatchObject({
    type: expect.stringMatching(/^(about:blank|\/docs\/problems\/#[a-z-]+)$/),
    title: expect.stringMatching(/^[A-Z]/),
    status: reply.status,
    detail: expect.stringMatching(/./),
    instance,
    request_id: expect.stringMatching(/./),
  });
  expect(reply.text).not.toMatch(/\bat .*\(.*:\d+:\d+\)|node_modules|\.ts:\d+/);
  if (reply.status === 422) {
    expect(reply.body.errors.length).toBeGreaterThan(0);
    for (const error of reply.body.errors)
      expect(error).toEqual({ path: expect.any(String), message: expect.stringMatching(/./) });
  }
}

/** Holds what is true of any answer: no failure of ours, a status that the document names, headers of one line. */
export function expectPromised(face: Face, reply: Reply): void {
  if (reply.status >= 500) throw new Error(`${titleOf(face)} answers ${reply.status} ${reply.text}`);
  expect(promised(face) ?? [String(reply.status)]).toContain(String(reply.status));
  const lines = Object.entries(reply.headers).map(([name, value]) => `${name}: ${value}`);
  expect(lines.filter((line) => /[\r\n]/.test(line))).toEqual([]);
  expect(reply.headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.stringMatching(/./),
  });
}
