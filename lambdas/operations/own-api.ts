import type * as z from 'zod';
import { ownApiUrl } from '../kernel/neighbour';
import { busy, type Problem } from '../kernel/problem';
import { NoAnswer, request } from '../kernel/request';

/** Whoever asks us: their credentials go along, to our own API and nowhere else. */
export interface Asker {
  header: (name: string) => string | undefined;
}

export interface Answer {
  status: number;
  // a context's answer, read through a schema by whoever asked
  body: unknown;
}

const TIMEOUT_MS = 8_000;

/** The one that was checked: another beside it may hold anything. */
function credentials({ header }: Asker): Record<string, string> {
  const authorization = header('authorization');
  return authorization ? { authorization } : { 'x-api-key': header('x-api-key') ?? '' };
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text || 'null');
  } catch {
    return undefined;
  }
};

/**
 * Calls another context by its own route, in the name of whoever asks us: it shows and does no more than they may see and
 * do. @throws NoAnswer
 */
export async function ask(
  asker: Asker,
  path: string,
  { method = 'GET', body }: { method?: 'GET' | 'POST' | 'DELETE'; body?: unknown } = {},
): Promise<Answer> {
  const { status, text } = await request({
    method,
    url: `${ownApiUrl()}${path}`,
    headers: { ...credentials(asker), ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    timeoutMs: TIMEOUT_MS,
  });
  return { status, body: parsed(text) };
}

/** What a context that could not be asked is to us. */
export const unanswered = (path: string, status: number): Problem =>
  busy(`${path} does not answer at the moment (${status || 'no answer'})`);

function passing(error: unknown): Answer {
  if (error instanceof NoAnswer) return { status: 0, body: undefined };
  throw error;
}

/** As `ask`, of a context that has something to say. @throws Problem 503 when it cannot be asked now, or fails itself */
export async function askNow(...asked: Parameters<typeof ask>): Promise<Answer> {
  const answer = await ask(...asked).catch(passing);
  const { status } = answer;
  if (status === 0 || status === 429 || status >= 500) throw unanswered(asked[1], status);
  return answer;
}

/** What a context shows, by its own schema there and ours here. @throws Problem 503 when it does not answer with it */
export async function read<S extends z.ZodType>(asker: Asker, path: string, schema: S): Promise<z.output<S>> {
  const { status, body } = await askNow(asker, path);
  const found = schema.safeParse(body);
  if (status !== 200 || !found.success) throw unanswered(path, status);
  return found.data;
}
