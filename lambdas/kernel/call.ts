import type { APIGatewayProxyEvent } from 'aws-lambda';
import type * as z from 'zod';
import type { Operation, Principal } from './contract';
import { bounded, fieldErrors, REPORTING } from './field-errors';
import { etagOf, headerOf, namesEtag } from './headers';
import { Idempotency } from './idempotency';
import { invalid, notFound, Problem } from './problem';
import { SUSPECT, textErrors } from './text';

type Parsed<S, Otherwise> = S extends z.ZodType ? z.output<S> : Otherwise;

/** One checked call of an operation, as its verb gets it. */
export interface Call<O extends Operation = Operation> {
  params: Parsed<O['params'], Record<string, string>>;
  query: Parsed<O['query'], Record<string, never>>;
  body: Parsed<O['body'], undefined>;
  principal: O['access'] extends 'public' ? Principal | undefined : Principal;
  /** The path below the base address, for links. */
  path: string;
  header: (name: string) => string | undefined;
  /** The body's bytes as text, for signatures. */
  rawBody: string;
  /** The caller's address, for throttling. */
  address: string;
  /** What to hand to `commit`: undefined without an `Idempotency-Key`. */
  idempotency: Idempotency | undefined;
  /** @throws Problem 412 when the call's `If-Match` is not the ETag of what is stored now */
  requireMatch: (current: unknown) => void;
}

const DEFAULT_MAX_BYTES = 256 * 1024;

function readBody(event: APIGatewayProxyEvent, operation: Operation): string {
  const { body, isBase64Encoded } = event;
  if (!body) return '';
  const bytes = isBase64Encoded ? Buffer.from(body, 'base64') : undefined;
  const size = bytes?.length ?? Buffer.byteLength(body);
  const most = operation.maxBytes ?? DEFAULT_MAX_BYTES;
  if (size > most) throw new Problem(413, `the body has ${size} bytes, at most ${most} are taken`);
  if (!bytes) return body;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, 'the body is not UTF-8');
  }
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

const NDJSON_TYPE = /^application\/(?:x-)?ndjson\s*(?:;|$)/i;

const parseLine = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
};

const parseLines = (text: string): unknown[] => text.split(/\r?\n/).filter(Boolean).map(parseLine);

const CSV_TYPE = /^text\/csv\s*(?:;|$)/i;

/** @throws Problem 415 when the body is said to be of another type */
function requireType(contentType: string | undefined, isExpected: RegExp, accept: string): void {
  if (!contentType || isExpected.test(contentType)) return;
  throw new Problem(415, `the content type is ${contentType.slice(0, 100)}, expected ${accept}`, {
    headers: { accept },
  });
}

function parseJson(text: string, contentType: string | undefined): unknown {
  requireType(contentType, JSON_TYPE, 'application/json');
  try {
    return JSON.parse(text || 'null') as unknown;
  } catch (error) {
    throw new Problem(400, `the body is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

const parseInput = (operation: Operation, text: string, contentType: string | undefined): unknown =>
  operation.ndjson && contentType && NDJSON_TYPE.test(contentType) ? parseLines(text) : parseJson(text, contentType);

/** Query values as the schema wants them: one is a text, repeated ones a list. */
function queryOf({ multiValueQueryStringParameters }: APIGatewayProxyEvent): Record<string, string | string[]> {
  const values = Object.entries(multiValueQueryStringParameters ?? {});
  return Object.fromEntries(values.map(([name, all = []]) => [name, all.length === 1 ? (all[0] ?? '') : all]));
}

function idempotencyOf(operation: Operation, caller: string, route: string, key: string | undefined, body: string) {
  if (!operation.idempotent || key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw invalid([{ path: 'Idempotency-Key', message: 'expected 1 to 255 visible ASCII characters' }]);
  }
  return new Idempotency(caller, route, key, body);
}

/** Parses all of a call at once, so that the caller learns of every field at fault in one answer. @throws Problem 4xx */
export function readCall(
  event: APIGatewayProxyEvent,
  operation: Operation,
  params: Record<string, string>,
  principal: Principal | undefined,
): Call {
  const header = headerOf(event);
  const rawBody = readBody(event, operation);
  const input = operation.body ? parseInput(operation, rawBody, header('content-type')) : undefined;
  if (operation.consumes) requireType(header('content-type'), CSV_TYPE, operation.consumes.type);
  const path = operation.params?.safeParse(params);
  if (path?.success === false) throw notFound('resource');
  const query = operation.query?.safeParse(queryOf(event), REPORTING);
  const body = operation.body?.safeParse(input, REPORTING);
  const unfit = [query, body].flatMap((part) => (part?.success === false ? fieldErrors(part.error) : []));
  const isSuspect = !unfit.length && !operation.checksText && SUSPECT.test(rawBody);
  const errors = isSuspect ? textErrors(input) : unfit;
  if (errors.length) throw invalid(bounded(errors));
  const address = event.requestContext.identity?.sourceIp ?? '';
  const route = `${operation.method} ${event.path.replace(/\/$/, '')}`;
  return {
    params: (path?.data ?? params) as never,
    query: (query?.data ?? {}) as never,
    body: body?.data as never,
    principal: principal as never,
    path: event.path,
    header,
    rawBody,
    address,
    idempotency: idempotencyOf(operation, principal?.id ?? address, route, header('idempotency-key'), rawBody),
    requireMatch: (current) => {
      const wanted = header('if-match');
      if (wanted === undefined) return;
      const shown = operation.returns ? operation.returns.parse(current) : current;
      if (namesEtag(wanted, etagOf(JSON.stringify(shown)))) return;
      throw new Problem(412, 'it was changed since you read it: read it again', { kind: 'lost-update' });
    },
  };
}
