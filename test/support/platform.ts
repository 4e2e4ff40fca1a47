import { setTimeout as delay } from 'node:timers/promises';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyResult } from 'aws-lambda';
import { CLOCK_KEY, forgetClock, syncClock } from '../../lambdas/kernel/clock';
import { documents } from '../../lambdas/kernel/documents';
import { type HttpRequest, proxyEvent, serveGateway } from './gateway';
import { callers } from './principals';
import { eventually, invoke } from './processes';
import { type Lane, lanesOf } from './pump';
import { createParts, type FunctionPart } from './template';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  // what a test reads of an answer it asserts itself
  // biome-ignore lint/suspicious/noExplicitAny: bodies are of every shape
  body: any;
}

export interface ApiRequest extends Omit<HttpRequest, 'body' | 'method' | 'path'> {
  /** Sent as JSON; a text goes as it is. */
  body?: unknown;
}

/** A lane that has given nothing so many times in a row is quiet. */
const LOOKS = 3;

/** Whose path it is, as the API's routes have it. */
async function contextOf({ method, path }: HttpRequest): Promise<string> {
  const [{ CONTEXTS }, { router }] = await Promise.all([
    import('../../lambdas/console/contracts'),
    import('../../lambdas/kernel/router'),
  ]);
  const { pathname } = new URL(path, 'http://localhost');
  const found = CONTEXTS.find(({ contract }) => {
    try {
      return router(contract)(method, pathname);
    } catch {
      return false;
    }
  });
  if (!found) throw new Error(`no context has ${method} ${pathname}`);
  return found.name;
}

/**
 * A private copy of the stack on the test emulator: real tables, queues, bus and secrets; its functions run in this
 * process, called through their entry points with the events that the platform makes.
 *
 * @param contexts the contexts whose queues and streams are worked on by `settle`
 */
export async function platform(...contexts: string[]) {
  const parts = await createParts();
  const named = (path: string): FunctionPart => {
    const part = parts.functions.find((one) => one.path === path);
    if (!part) throw new Error(`no function ${path} among ${parts.functions.map((one) => one.path).join(', ')}`);
    return part;
  };
  const apiOf = (context: string) => named(`${context.charAt(0).toUpperCase()}${context.slice(1)}/Api`);
  const credentialsTable = parts.functions.find(({ environment }) => environment['CREDENTIALS_TABLE'])?.environment;
  process.env['CREDENTIALS_TABLE'] = credentialsTable?.['CREDENTIALS_TABLE'];

  const [first = ''] = contexts;
  const handle = async (context: string, request: HttpRequest): Promise<APIGatewayProxyResult> =>
    invoke(apiOf(context), proxyEvent(request), { API_URL: gateway.url });
  const gateway = await serveGateway(async (request) =>
    handle(contexts.length > 1 ? await contextOf(request) : first, request),
  );
  const own = contexts.map((context) => `${context.charAt(0).toUpperCase()}${context.slice(1)}/`);
  const lanes = lanesOf(
    parts.sources.filter((source) => own.some((prefix) => source.function.path.startsWith(prefix))),
    () => ({ API_URL: gateway.url }),
  );

  return {
    parts,
    named,
    callers: await callers(),
    gateway: gateway.url,

    /** A call of the API of the first context, or of `context`. */
    async api(
      method: string,
      path: string,
      { body, headers = {}, ...rest }: ApiRequest = {},
      caller?: { headers: Record<string, string> },
      context = first,
    ): Promise<Answer> {
      const text = body === undefined || typeof body === 'string' ? (body as string | undefined) : JSON.stringify(body);
      const typed = text === undefined ? {} : { 'content-type': 'application/json' };
      const reply = await handle(context, {
        ...rest,
        method,
        path,
        headers: { ...typed, ...caller?.headers, ...headers },
        ...(text !== undefined && { body: text }),
      });
      const isJson = String(reply.headers?.['content-type']).includes('json') && reply.body;
      return {
        status: reply.statusCode,
        headers: reply.headers as Record<string, string>,
        body: isJson ? JSON.parse(reply.body) : reply.body,
      };
    },

    /** Runs a function by its construct's path, e.g. `Orders/Work/Function`. */
    run: <T>(path: string, event: unknown, extra: Record<string, string> = {}) =>
      invoke<T>(named(path), event, { API_URL: gateway.url, ...extra }),

    /**
     * Works on all queues and streams of the contexts, each by itself, until some looks at each have found nothing since
     * the last of them found something, or until a condition holds.
     */
    async settle(until?: () => Promise<boolean>, limitMs = 180_000): Promise<void> {
      const empty = new Map(lanes.map((lane) => [lane, 0]));
      let isOver = false;
      const work = async (lane: Lane): Promise<void> => {
        while (!isOver) {
          const times = empty.get(lane) ?? 0;
          // one that has looked often enough rests until another finds something
          const given = until || times < LOOKS ? await lane.once() : 0;
          if (given) for (const one of lanes) empty.set(one, 0);
          else empty.set(lane, (empty.get(lane) ?? 0) + 1);
          if (!given) await delay(20);
        }
      };
      const isQuiet = async () => [...empty.values()].every((times) => times >= LOOKS);
      const working = Promise.all(lanes.map(work));
      try {
        const look = until ?? isQuiet;
        await Promise.race([working, eventually('the lanes are quiet', async () => isOver || look(), limitMs)]);
      } finally {
        isOver = true;
        await working;
      }
    },

    /** Moves the product's clock to so many seconds beyond the machine's; the functions follow it at once. */
    async moveClock(seconds: number): Promise<void> {
      const TableName = parts.functions.find(({ environment }) => environment['CLOCK_TABLE'])?.environment[
        'CLOCK_TABLE'
      ];
      await documents.send(new PutCommand({ TableName, Item: { ...CLOCK_KEY, offset_ms: seconds * 1_000 } }));
      process.env['CLOCK_TABLE'] = TableName;
      forgetClock();
      await syncClock();
    },

    async close(): Promise<void> {
      gateway.server.closeAllConnections();
      gateway.server.close();
      await parts.remove();
    },
  };
}
export type Platform = Awaited<ReturnType<typeof platform>>;
