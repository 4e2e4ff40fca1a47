import * as z from 'zod';
import { now, secondsAfter, timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { resourceKey } from '../kernel/credentials';
import { env, findEnv } from '../kernel/env';
import { log } from '../kernel/log';
import type { Outgoing } from '../kernel/outbox';
import { table, type Write } from '../kernel/table';
import {
  DELAYS,
  type DeliveryTurn,
  deliveryKey,
  deliveryPartition,
  endpointKey,
  findDelivery,
  isOwn,
  type StoredDelivery,
  send,
} from './deliveries';
import type { DeliveryAttempt, DeliveryStatus } from './schema';
import { MERCATO, sign } from './webhook';
import { type Outcome, post } from './webhook-client';

const deliveries = table();

const JITTER = 0.1;
/** No `Retry-After` puts an attempt off for longer than the longest of the delays. */
const LONGEST_SECONDS = 86_400;
/** Answers of a receiver that has too much to do: everything for its address waits. */
const OVERLOADED = new Set([429, 502, 504]);
const SLOW_SECONDS = 60;

const Endpoint = z.object({ disabled_at: z.string().optional(), slow_until: z.string().optional() });

const jittered = (seconds: number): number => seconds * (1 + JITTER * (2 * Math.random() - 1));

/** The seconds that a `Retry-After` asks for, in either of its forms (RFC 9110, 10.2.3); 0 when there is none. */
export function secondsOf(retryAfter: string | undefined): number {
  const text = retryAfter?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1_000;
  return Number.isNaN(seconds) ? 0 : Math.min(LONGEST_SECONDS, Math.max(0, seconds));
}

/** Where the own API answers. On an emulator each function reaches it through the emulator's address. */
const ownAddress = (path: string): string =>
  `${findEnv('API_URL') ?? `${env('AWS_ENDPOINT_URL')}/_aws/execute-api/${env('API_ID')}/${env('API_STAGE')}`}${path}`;

/** One attempt. Only an order's own receiver gets a credential, the key of that order. */
async function attempt({ id, owner, url, order, payload }: StoredDelivery): Promise<Outcome> {
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Mercato-Webhooks/1',
    ...(await sign(isOwn(url) ? MERCATO : owner, id, payload)),
  };
  if (!isOwn(url)) return post({ url, headers, body: payload, anywhere: env('STAGE') === 'local' });
  const authorization = `Api-Key ${await resourceKey('orders:status', order ?? '')}`;
  return post({ url: ownAddress(url), headers: { ...headers, authorization }, body: payload, anywhere: true });
}

interface Step {
  status: DeliveryStatus;
  /** The seconds to the next attempt, if there is one. */
  waits?: number;
  attempts?: DeliveryAttempt[];
  endpoint?: Write[];
}

/** Notes what became of a turn and, in the same transaction, asks for the next. A single write when nothing follows. */
async function note(delivery: StoredDelivery, { status, waits, attempts = [], endpoint = [] }: Step): Promise<void> {
  const { id, turn, url } = delivery;
  const at = timestamp();
  const due_at = waits === undefined ? undefined : secondsAfter(at, waits);
  const next = { id, url, turn: turn + 1 };
  const emit: Outgoing[] = due_at === undefined ? [] : [send(next, due_at)];
  const write = deliveries.update(
    deliveryKey(id),
    {
      set: { status, turn: next.turn, next_attempt_at: due_at, updated_at: at, gsi3pk: deliveryPartition(status, id) },
      ...(attempts.length && { append: { attempts }, add: { tries: 1 } }),
    },
    { equals: { turn } },
  );
  const noted = await commitIf({ writes: [write, ...endpoint], emit });
  log('info', noted ? 'delivery' : 'delivery: another had this turn', { id, turn, status, next_attempt_at: due_at });
}

/** What follows from an outcome, to the letter of Standard Webhooks' status code handling. */
function follow({ url, tries }: StoredDelivery, { status, retryAfter }: Outcome): Omit<Step, 'attempts'> {
  if (status !== null && status >= 200 && status <= 299) return { status: 'delivered' };
  const at = timestamp();
  const mark = (set: Record<string, string>) =>
    isOwn(url) ? [] : [deliveries.update(endpointKey(url), { set: { url, ...set } })];
  if (status === 410) return { status: 'disabled', endpoint: mark({ disabled_at: at }) };
  const asked = secondsOf(retryAfter);
  const overloaded = status !== null && OVERLOADED.has(status);
  const least = overloaded ? Math.max(SLOW_SECONDS, asked) : asked;
  const endpoint = overloaded ? mark({ slow_until: secondsAfter(at, least) }) : [];
  const delay = DELAYS[tries];
  if (delay === undefined) return { status: 'exhausted', endpoint };
  return { status: 'pending', waits: Math.max(jittered(delay), least), endpoint };
}

/**
 * Makes the attempt of a delivery's turn, and asks for the next one if it fails. A message of another turn changes
 * nothing: at most, a copy of an order's first makes a second attempt, which is not noted and does not count there either.
 * Two reads at most, one write.
 */
export async function deliver(message: DeliveryTurn): Promise<void> {
  const delivery = message.delivery ?? (await findDelivery(message.id));
  if (delivery?.status !== 'pending' || delivery.turn !== message.turn) return;
  const endpoint = isOwn(delivery.url) ? undefined : await deliveries.find(Endpoint, endpointKey(delivery.url));
  if (endpoint?.disabled_at) return note(delivery, { status: 'disabled' });
  const slowMs = endpoint?.slow_until ? Date.parse(endpoint.slow_until) - now().getTime() : 0;
  if (slowMs > 0) {
    // not all at once when the time is over
    return note(delivery, { status: 'pending', waits: slowMs / 1_000 + Math.random() * SLOW_SECONDS });
  }
  const at = timestamp();
  const outcome = await attempt(delivery);
  const { ms, status: status_code, error, response } = outcome;
  const number = (delivery.attempts.at(-1)?.number ?? 0) + 1;
  await note(delivery, {
    ...follow(delivery, outcome),
    attempts: [{ number, at, ms, status_code, error, response }],
  });
}
