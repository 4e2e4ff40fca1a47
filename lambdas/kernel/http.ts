import middy from '@middy/core';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import type * as z from 'zod';
import { type Call, readCall } from './call';
import { syncClock } from './clock';
import { type Contract, mayCall, type Operation, type Principal, shownFields } from './contract';
import { principalOf, unauthorized } from './credentials';
import { type Actor, during } from './deed';
import { etagOf, headerOf, namesEtag } from './headers';
import { Replay } from './idempotency';
import { log, setLogContext } from './log';
import { busy, Problem } from './problem';
import { recently } from './recent';
import { router } from './router';

/** An answer with another status than the contract's, or with headers. */
export class Reply<T = unknown> {
  constructor(
    readonly body: T,
    readonly options: { status?: number; headers?: Record<string, string> } = {},
  ) {}
}

type Result<O extends Operation> = O['returns'] extends z.ZodType ? z.input<O['returns']> : undefined;
export type Handler<O extends Operation> = (call: Call<O>) => Promise<Result<O> | Reply<Result<O>>>;

/** A verb for each operation of a contract. */
export type Handlers<C extends Contract> = { [Name in keyof C]: Handler<C[Name]> };

const SECURITY_HEADERS = { 'x-content-type-options': 'nosniff' };

/**
 * The body stripped to its schema, so that nothing leaves that the contract does not show. A body that does not fit is our
 * mistake, not the caller's: it fails in tests (`STRICT_REPLIES`) and is logged elsewhere.
 */
function strip(operation: Operation, body: unknown): unknown {
  if (!operation.returns) return undefined;
  const parsed = operation.returns.safeParse(body);
  if (parsed.success) return parsed.data;
  if (process.env['STRICT_REPLIES'])
    throw new Error(`the reply does not fit ${operation.path}: ${parsed.error.message}`);
  log('error', 'reply does not fit its contract', { path: operation.path, issues: parsed.error.issues.length });
  const shape = (operation.returns as Partial<z.ZodObject>).shape;
  if (!shape || typeof body !== 'object' || body === null) throw parsed.error;
  return Object.fromEntries(Object.entries(body).filter(([name]) => name in shape));
}

const json = (statusCode: number, body: string, headers: Record<string, string>, type = 'application/json') => ({
  statusCode,
  headers: { ...SECURITY_HEADERS, 'cache-control': 'no-store', 'content-type': type, ...headers },
  body,
});

function answer(operation: Operation, status: number, body: unknown, headers: Record<string, string>, call: Call) {
  if (body === undefined) return { statusCode: status, headers: { ...SECURITY_HEADERS, ...headers }, body: '' };
  const text = operation.produces ? String(body) : JSON.stringify(body);
  const etag = etagOf(text);
  const all = { etag, ...(operation.cache && { 'cache-control': operation.cache }), ...headers };
  const known = operation.method === 'GET' && call.header('if-none-match');
  if (known && namesEtag(known, etag)) return { statusCode: 304, headers: { ...SECURITY_HEADERS, ...all }, body: '' };
  return json(status, text, all, operation.produces && `${operation.produces}; charset=utf-8`);
}

async function make(operation: Operation, handler: Handler<Operation>, call: Call) {
  const result = (await handler(call)) as unknown;
  const reply = result instanceof Reply ? result : new Reply(result);
  const { status = operation.status, headers = {} } = reply.options;
  return { status, headers, body: strip(operation, reply.body) };
}

async function run(operation: Operation, handler: Handler<Operation>, call: Call): Promise<APIGatewayProxyResult> {
  try {
    const { status, body, headers } = await recently(operation, call, () => make(operation, handler, call));
    return answer(operation, status, body, headers, call);
  } catch (error) {
    if (error instanceof Problem && error.status < 500) await call.idempotency?.replayIfAnswered();
    throw error;
  }
}

async function authorize(access: Operation['access'], header: Call['header'], params: Record<string, string>) {
  if (access === 'public') return undefined;
  const principal = await principalOf(header);
  if (!principal) throw unauthorized('credentials are needed here');
  if (!mayCall(access, principal, params)) throw new Problem(403, 'you are not allowed to do this');
  return principal;
}

/** The platform's ways to say that it is busy, or failed for the moment; the SDK has tried again before. */
const PASSING =
  /Throttl|ProvisionedThroughputExceeded|LimitExceeded|Transaction(Conflict|InProgress)|ServiceUnavailable|SlowDown|Internal(Server|Service)?(Error|Failure)|TimeoutError/;
const BROKEN_CONNECTION = /^(ECONN|EPIPE|ETIMEDOUT|ERR_STREAM_PREMATURE_CLOSE)/;

const isPassing = (error: unknown): boolean =>
  error instanceof Error &&
  (PASSING.test(error.name) || BROKEN_CONNECTION.test(String((error as NodeJS.ErrnoException).code)));

const ANONYMOUS: Actor = { kind: 'anonymous', id: 'anonymous', name: 'anonymous' };

const actorOf = ({ kind, id, name }: Principal): Actor => ({ kind, id, name });

/** Whether a call is told in the audit trail. A key of one resource is the product's own: made by it, for itself. */
const isTold = ({ method, unaudited }: Operation, principal: Principal | undefined): boolean =>
  method !== 'GET' && unaudited === undefined && principal?.resource === undefined;

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isPassing(error)) {
    log('warn', 'passing failure', { error });
    return busy('too much is going on, try again');
  }
  log('error', 'unexpected failure', { error });
  return new Problem(500, 'something went wrong on our side; the request id names it in our logs');
}

type State = { started: number };

/** The last resort of every answer: problems as RFC 9457, replays of an idempotent call, one log line a request. */
const outermost = (): middy.MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context, State> => ({
  before: async ({ event, internal }) => {
    internal.started = performance.now();
    setLogContext({ request_id: event.requestContext.requestId });
    await syncClock();
  },
  after: ({ event, response, internal }) => {
    if (!response) return;
    const requestId = event.requestContext.requestId;
    response.headers = { ...response.headers, 'x-request-id': requestId };
    if (event.httpMethod === 'HEAD') response.body = '';
    log('info', 'request', {
      method: event.httpMethod,
      path: event.path,
      status: response.statusCode,
      ms: Math.round((performance.now() - (internal.started as number)) * 100) / 100,
    });
  },
  onError: (request) => {
    const { event, error } = request;
    if (error instanceof Replay) {
      const { status, body, headers } = error.answer;
      const text = body === undefined ? '' : JSON.stringify(body);
      request.response = json(status, text, {
        ...headers,
        ...(text && { etag: etagOf(text) }),
        'idempotency-replayed': 'true',
      });
    } else {
      const problem = problemOf(error);
      const text = JSON.stringify(problem.body(event.path, event.requestContext.requestId));
      request.response = json(problem.status, text, problem.headers, 'application/problem+json');
    }
    const { after } = outermost();
    return after?.(request as never);
  },
});

/**
 * The Lambda handler of a context's HTTP API (API Gateway REST proxy events). Every call goes the same way: operation by
 * method and path, credentials and access, input, verb, reply stripped to its schema.
 */
export function httpApi<C extends Contract>(contract: C, handlers: Handlers<C>) {
  const find = router(contract);
  const shows = shownFields(contract);
  return middy<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context, State>({ timeoutEarlyInMillis: 0 })
    .use(outermost())
    .handler(async (event) => {
      const { name, operation, params } = find(event.httpMethod, event.path);
      const principal = await authorize(operation.access, headerOf(event), params);
      setLogContext({ request_id: event.requestContext.requestId, operation: name, caller: principal?.id });
      const call = readCall(event, operation, params, principal);
      const answered = () => run(operation, handlers[name] as unknown as Handler<Operation>, call);
      if (!isTold(operation, principal)) return answered();
      const { httpMethod: method, path, requestContext } = event;
      const who = principal ? actorOf(principal) : ANONYMOUS;
      const { changes: entity = [name, 'id'] } = operation;
      const request_id = requestContext.requestId;
      const bulk_id = principal?.bulk_id;
      return during({ who, operation: name, method, path, request_id, params, entity, shows, bulk_id }, answered);
    });
}
