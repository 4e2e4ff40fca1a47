import { env } from '../kernel/env';
import { findNeighbour } from '../kernel/neighbour';
import { findSecret } from '../kernel/secret';

/** What came of one request. `status` is null without an answer; `retryAfter` in seconds when the service asks for it. */
export interface Outcome {
  outcome: 'sent' | 'failed' | 'refused';
  status: number | null;
  answer: string;
  ms: number;
  retryAfter?: number;
}

const TIMEOUT_MS = 5_000;
const ANSWER_LENGTH = 200;
/** Who asks for more patience than a day gets a day of it. */
const MOST_PATIENCE_SECONDS = 86_400;

/**
 * Answers that another try with the same message cannot change. Others pass: 401 and 403 speak of our token, 408, 425 and
 * 429 of the moment, 5xx of the service.
 */
const FOR_GOOD = new Set([400, 404, 405, 409, 410, 411, 413, 414, 415, 422]);

const describe = (error: unknown): string => {
  const { name, message, cause } = error as Error & { cause?: { code?: string } };
  if (name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1_000} s`;
  return cause?.code ? `no connection: ${cause.code}` : message;
};

function judge(status: number, text: string): Outcome['outcome'] {
  if (FOR_GOOD.has(status)) return 'refused';
  if (status < 200 || status >= 300) return 'failed';
  try {
    const { code } = JSON.parse(text) as { code?: unknown };
    return code === 0 ? 'sent' : 'failed';
  } catch {
    return 'failed';
  }
}

/**
 * Asks the send service for one message: `POST /v1/send/{id}`. `{"code": 0}` alone is success; a repeat carries the same
 * id, by which the service knows it. Never throws for what the service does.
 */
export async function post(id: string, phone: string, text: string): Promise<Outcome> {
  const address = findNeighbour('SEND_API_URL', 'send');
  if (address === undefined) {
    return { outcome: 'failed', status: null, answer: 'no send service is set: SEND_API_URL', ms: 0 };
  }
  const token = await findSecret(env('SEND_TOKEN_ARN'));
  const started = performance.now();
  const took = () => Math.round(performance.now() - started);
  try {
    const response = await fetch(`${address}/v1/send/${id}`, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token ?? ''}` },
      body: JSON.stringify({ id, phone: Number(phone), text }),
    });
    const body = await response.text();
    const { status } = response;
    const retryAfter = Math.min(MOST_PATIENCE_SECONDS, Number(response.headers.get('retry-after')));
    return {
      outcome: judge(status, body),
      status,
      answer: body.slice(0, ANSWER_LENGTH),
      ms: took(),
      ...(retryAfter > 0 && { retryAfter }),
    };
  } catch (error) {
    return { outcome: 'failed', status: null, answer: describe(error).slice(0, ANSWER_LENGTH), ms: took() };
  }
}
