import { ownApiUrl } from '../kernel/neighbour';
import { NoAnswer, type Request, request } from '../kernel/request';

const TIMEOUT_MS = 8_000;

/** An answer of another context: status 0 when there was none. */
export interface Answer {
  status: number;
  body: unknown;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text || 'null');
  } catch {
    return undefined;
  }
};

/** Calls another context by its own route, by the credentials given. */
export async function ask(
  method: Request['method'],
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  try {
    const answer = await request({
      method,
      url: `${ownApiUrl()}${path}`,
      headers: { ...headers, ...(text !== undefined && { 'content-type': 'application/json' }) },
      ...(text !== undefined && { body: text }),
      timeoutMs: TIMEOUT_MS,
    });
    return { status: answer.status, body: parsed(answer.text) };
  } catch (error) {
    if (error instanceof NoAnswer) return { status: 0, body: undefined };
    throw error;
  }
}
