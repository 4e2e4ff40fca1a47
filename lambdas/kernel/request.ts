import http from 'node:http';
import https from 'node:https';

export interface Request {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** For all of it: name, connection, whole answer. */
  timeoutMs: number;
  /** @default 10 MB */
  maxBytes?: number;
}

export interface Response {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

/** There was no whole answer; the message says why, without anything that was sent or received. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

const agents = {
  'http:': new http.Agent({ keepAlive: true }),
  'https:': new https.Agent({ keepAlive: true }),
};

/** What a connection that was kept ends with when the other side had closed it meanwhile. */
const WAS_CLOSED = new Set(['ECONNRESET', 'EPIPE']);

/**
 * One request to a service that the deployer chose. Follows no redirect, connections are kept for the next one; a GET whose
 * kept connection turns out to be closed is asked once more on a new one. Node's own client: `fetch` costs 30–50 ms of a
 * cold start.
 * @throws NoAnswer
 */
export function request({ method, url, headers, body, timeoutMs, maxBytes = 10_000_000 }: Request): Promise<Response> {
  const { protocol } = new URL(url);
  const secure = protocol === 'https:';
  const signal = AbortSignal.timeout(timeoutMs);
  const ask = (agent: http.Agent | false): Promise<Response> =>
    new Promise((resolve, reject) => {
      let answered = false;
      const fail = (error: { code?: string }) => {
        const { code = 'connection lost' } = error;
        const isRepeatable = method === 'GET' && call.reusedSocket && !answered && !signal.aborted;
        if (isRepeatable && WAS_CLOSED.has(code)) resolve(ask(false));
        else reject(new NoAnswer(signal.aborted ? `no answer within ${timeoutMs} ms` : `no answer: ${code}`));
      };
      const call = (secure ? https : http).request(
        url,
        {
          method,
          agent,
          signal,
          headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
        },
        (response) => {
          answered = true;
          const parts: Buffer[] = [];
          let size = 0;
          response.on('data', (part: Buffer) => {
            size += part.length;
            parts.push(part);
            if (size <= maxBytes) return;
            reject(new NoAnswer(`the answer has more than ${maxBytes} bytes`));
            response.destroy();
          });
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(parts).toString(),
            }),
          );
          response.on('error', fail);
        },
      );
      call.on('error', fail);
      // a change of protocol has neither an answer nor an error
      call.on('close', () => answered || fail({}));
      call.end(body);
    });
  return ask(agents[secure ? 'https:' : 'http:']);
}
