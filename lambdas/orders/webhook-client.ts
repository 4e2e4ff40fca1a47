import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { parse } from 'ipaddr.js';

/** What came of a request: `status` when there was an answer, else why there was none. */
export interface Outcome {
  ms: number;
  status: number | null;
  error: string | null;
  /** How the body begins. */
  response: string | null;
  retryAfter: string | undefined;
}

export interface WebhookRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  /** Addresses of this machine and of private networks may be called too. */
  anywhere: boolean;
}

/** Standard Webhooks recommends 15 to 30 s. For all of it: name, connection, answer. */
const TIMEOUT_MS = 15_000;
/** No more of an answer is read. */
const READ_CHARACTERS = 4_096;
const KEPT_CHARACTERS = 500;

/** Why an IP address must not be called, undefined when it may: only global unicast addresses may. */
export function refusal(address: string): string | undefined {
  const ip = parse(address);
  const range = ip.range();
  // ipaddr.js calls unicast what is not yet assigned, ::127.0.0.1 among it: global IPv6 is 2000::/3 (RFC 4291, 2.4)
  const global = ip.kind() === 'ipv4' || (ip.toByteArray()[0] ?? 0) >> 5 === 1;
  return range === 'unicast' && global ? undefined : `${address} is not a public address (${range})`;
}

/** Resolves a name, refuses it if any of its addresses is refused, and connects to no other than those checked. */
const guardedLookup: LookupFunction = (hostname, options, done) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    const refused = addresses?.map(({ address }) => refusal(address)).find(Boolean);
    if (error ?? refused ?? !first) return done(error ?? new Error(refused ?? `${hostname} has no address`), '');
    return options.all ? done(null, addresses) : done(null, first.address, first.family);
  });
};

const printable = (text: string): string => text.replace(/[^\P{C}\n\t]/gu, '').slice(0, KEPT_CHARACTERS);

const reasonOf = (error: Error & { code?: string }): string =>
  /^(Abort|Timeout)Error$/.test(error.name)
    ? `no answer within ${TIMEOUT_MS / 1_000} s`
    : printable(error.message) || error.code || error.name;

/** One POST. Follows no redirect, reads the beginning of the answer, never throws. */
export async function post({ url, headers, body, anywhere }: WebhookRequest): Promise<Outcome> {
  const started = performance.now();
  const outcome = (part: Partial<Outcome>): Outcome => ({
    ms: Math.round(performance.now() - started),
    status: null,
    error: null,
    response: null,
    retryAfter: undefined,
    ...part,
  });
  const { hostname, protocol } = new URL(url);
  const literal = hostname.replace(/^\[|\]$/g, '');
  const refused = !anywhere && isIP(literal) ? refusal(literal) : undefined;
  if (refused) return outcome({ error: refused });

  return new Promise((resolve) => {
    const options = {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      // a connection that was checked for one caller is not kept for another
      ...(!anywhere && { lookup: guardedLookup, agent: false }),
    };
    let finish: (() => void) | undefined;
    const request = (protocol === 'https:' ? https : http).request(url, options, (response) => {
      const { statusCode = 0, headers: answered } = response;
      let text = '';
      finish = () => {
        response.destroy();
        resolve(outcome({ status: statusCode, response: printable(text), retryAfter: answered['retry-after'] }));
      };
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length >= READ_CHARACTERS) finish?.();
      });
      response.on('end', finish).on('error', finish);
    });
    // an answer that breaks off has been given nevertheless
    request.on('error', (error) => (finish ? finish() : resolve(outcome({ error: reasonOf(error) }))));
    // a receiver that changes the protocol has answered; without a listener Node.js ends the connection without a word
    request.on('upgrade', ({ statusCode = 0 }, socket) => {
      socket.destroy();
      resolve(outcome({ status: statusCode }));
    });
    request.on('close', () => {
      if (!finish) resolve(outcome({ error: 'the connection was closed without an answer' }));
    });
    request.end(body);
  });
}
