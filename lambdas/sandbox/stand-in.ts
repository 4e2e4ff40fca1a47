import { setTimeout as pause } from 'node:timers/promises';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { syncClock } from '../kernel/clock';
import { headerOf } from '../kernel/headers';
import { log } from '../kernel/log';
import { faultNow, faultsDoor } from './faults';

/** A request as the service that is played would get it. */
export interface Request {
  method: string;
  /** Below the stand-in's own base address: `/api/v2/users`. */
  path: string;
  query: Record<string, string | undefined>;
  header: (name: string) => string | undefined;
  body: string;
}

/** What the service answers: a text goes as it is, all else as JSON. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

type Face = (request: Request) => Promise<Answer>;

export interface StandInOptions {
  /** The body in the mode `empty`. @default a list without entries, an object without members */
  empty?: string;
}

/** Every value in a list of its own: known names, unknown types. */
function bend(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(bend);
  if (typeof body !== 'object' || body === null) return [body];
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, [value]]));
}

const textOf = (body: unknown): string =>
  body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);

async function withFaults(name: string, request: Request, answer: Face, { empty }: StandInOptions) {
  const { mode, delay_ms } = await faultNow(name);
  if (mode === '500') return { status: 500, body: { error: 'Internal Server Error' } };
  if (mode === '429') return { status: 429, body: { error: 'Too Many Requests' }, headers: { 'retry-after': '2' } };
  if (mode === 'slow') await pause(delay_ms);
  const { body, ...rest } = await answer(request);
  if (mode === 'empty') return { ...rest, body: empty ?? (Array.isArray(body) ? [] : {}) };
  if (mode === 'wrong-shape') return { ...rest, body: bend(body) };
  // an answer that breaks off
  if (mode === 'garbage') return { ...rest, body: textOf(body).slice(0, Math.ceil(textOf(body).length / 2)) };
  return { ...rest, body };
}

/**
 * The Lambda handler of a stand-in: `/sandbox/<name>/faults/` switches faults (operator), everything else below
 * `/sandbox/<name>` is the service's own face, faults included, open to all as far as the service itself is.
 */
export function standIn(name: string, answer: Face, options: StandInOptions = {}) {
  const base = `/sandbox/${name}`;
  const door = faultsDoor(name);
  return async (event: APIGatewayProxyEvent, context: Context): Promise<APIGatewayProxyResult> => {
    const path = event.path.slice(base.length) || '/';
    if (/^\/faults\/?$/.test(path)) return door(event, context) as Promise<APIGatewayProxyResult>;
    const started = performance.now();
    await syncClock();
    const reply = await withFaults(
      name,
      {
        method: event.httpMethod,
        path: path.replace(/(?<=.)\/$/, ''),
        query: event.queryStringParameters ?? {},
        header: headerOf(event),
        body: event.isBase64Encoded ? Buffer.from(event.body ?? '', 'base64').toString() : (event.body ?? ''),
      },
      answer,
      options,
    );
    const { status, body, headers } = reply;
    log('info', 'stand-in', {
      name,
      method: event.httpMethod,
      path,
      status,
      ms: Math.round(performance.now() - started),
    });
    const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
    return { statusCode: status, headers: { 'content-type': type, ...headers }, body: textOf(body) };
  };
}
