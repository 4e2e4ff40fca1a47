import * as z from 'zod';
import { now, secondsAfter, timestamp } from '../kernel/clock';
import { ConditionFailed, commit, commitIf } from '../kernel/commit';
import { resourceKey } from '../kernel/credentials';
import { env } from '../kernel/env';
import type { Change, Condition } from '../kernel/expression';
import { log } from '../kernel/log';
import { ownApiUrl } from '../kernel/neighbour';
import type { Outgoing } from '../kernel/outbox';
import { Problem } from '../kernel/problem';
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
import type { DeliveryAttempt, DeliveryStatus } from './delivery-schema';
import { MERCATO, sign } from './webhook';
import { type Outcome, post } from './webhook-client';

const deliveries = table();

const JITTER = 0.1;
/** No `Retry-After` puts an attempt off for longer than the longest of the delays. */
const LONGEST_SECONDS = 86_400;
/** Answers of a receiver that has too much to do: everything for its address waits, each time twice as long. */
const OVERLOADED = new Set([429, 502, 504]);
const SLOW_SECONDS = 60;
const SLOWEST_SECONDS = 3_600;
/** From when on a delivery is no longer put off for others to the same address: all its attempts would be over by then. */
const PATIENCE_SECONDS = (1 + JITTER) * DELAYS.reduce((sum, seconds) => sum + seconds, 0);
/** Deliveries to an address that are given up one after the other before it is disabled. */
const MOST_EXHAUSTED = 5;

/** What is known of an address, as long as it does not answer as it should. */
const Endpoint = z.object({
  disabled_at: z.string().optional(),
  reason: z.string().optional(),
  slow_until: z.string().optional(),
  slow_times: z.number().optional(),
  exhausted: z.number().optional(),
});
type Endpoint = z.output<typeof Endpoint>;

const jittered = (seconds: number): number => seconds * (1 + JITTER * (2 * Math.random() - 1));

/** The seconds that a `Retry-After` asks for, in either of its forms (RFC 9110, 10.2.3); 0 when there is none. */
export function secondsOf(retryAfter: string | undefined): number {
  const text = retryAfter?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1_000;
  return Number.isNaN(seconds) ? 0 : Math.min(LONGEST_SECONDS, Math.max(0, seconds));
}

/** One attempt. Only an order's own receiver gets a credential, the key of that order. */
async function attempt({ id, owner, url, order, payload }: StoredDelivery): Promise<Outcome> {
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Mercato-Webhooks/1',
    ...(await sign(isOwn(url) ? MERCATO : owner, id, payload)),
  };
  if (!isOwn(url)) return post({ url, headers, body: payload, anywhere: env('STAGE') === 'local' });
  const authorization = `Api-Key ${await resourceKey('orders:status', order ?? '')}`;
  return post({ url: `${ownApiUrl()}${url}`, headers: { ...headers, authorization }, body: payload, anywhere: true });
}

interface Step {
  status: DeliveryStatus;
  /** Why nothing more is sent. */
  reason?: string | undefined;
  /** The seconds to the next attempt, if there is one. */
  waits?: number;
  attempts?: DeliveryAttempt[];
  endpoint?: Write[];
}

/** Notes what became of a turn and, in the same transaction, asks for the next. A single write when nothing follows. */
async function note(delivery: StoredDelivery, step: Step): Promise<void> {
  const { status, reason, waits, attempts = [], endpoint = [] } = step;
  const { id, turn, url } = delivery;
  const at = timestamp();
  const due_at = waits === undefined ? undefined : secondsAfter(at, waits);
  const next = { id, url, turn: turn + 1 };
  const emit: Outgoing[] = due_at === undefined ? [] : [send(next, due_at)];
  const write = deliveries.update(
    deliveryKey(id),
    {
      set: {
        status,
        reason,
        turn: next.turn,
        next_attempt_at: due_at,
        updated_at: at,
        gsi3pk: deliveryPartition(status, id),
      },
      ...(attempts.length && { append: { attempts }, add: { tries: 1 } }),
    },
    { equals: { turn } },
  );
  const noted = await commit({ writes: [write, ...endpoint], emit }).then(
    () => true,
    (error: unknown) => {
      const isPast = error instanceof ConditionFailed;
      const isCrowded = error instanceof Problem && endpoint.length > 0;
      if (!isPast && !isCrowded) throw error;
      if (isPast && error.indexes.includes(0)) return false;
      // what others note of the address meanwhile counts; it does not keep this one from its turn
      return commitIf({ writes: [write], emit });
    },
  );
  log('info', noted ? 'delivery' : 'delivery: another had this turn', { id, turn, status, next_attempt_at: due_at });
}

/** The write of what is known of a caller's address from now on. */
const mark = ({ url }: StoredDelivery, change: Change, when?: Condition): Write[] =>
  isOwn(url) ? [] : [deliveries.update(endpointKey(url), { ...change, set: { url, ...change.set } }, when)];

/** The end of a delivery that failed too long, and of its address when that goes for all that is sent there. */
function exhaust(delivery: StoredDelivery, endpoint: Endpoint): Step {
  const exhausted = (endpoint.exhausted ?? 0) + 1;
  const disabled = exhausted >= MOST_EXHAUSTED && {
    disabled_at: timestamp(),
    reason: `${exhausted} deliveries to this address failed for good one after the other`,
  };
  return { status: 'exhausted', endpoint: mark(delivery, { set: { ...disabled }, add: { exhausted: 1 } }) };
}

/** What follows from an outcome, to the letter of Standard Webhooks' status code handling. */
function follow(delivery: StoredDelivery, endpoint: Endpoint, { status, retryAfter }: Outcome): Step {
  if (status !== null && status >= 200 && status <= 299) {
    const isBack = endpoint.slow_times !== undefined || endpoint.exhausted !== undefined;
    const set = { slow_until: undefined, slow_times: undefined, exhausted: undefined };
    const as = { equals: { slow_until: endpoint.slow_until } };
    return { status: 'delivered', endpoint: isBack ? mark(delivery, { set }, as) : [] };
  }
  const at = timestamp();
  if (status === 410) {
    const reason = 'the receiver answered 410: it wants no more';
    return { status: 'disabled', reason, endpoint: mark(delivery, { set: { disabled_at: at, reason } }) };
  }
  const delay = DELAYS[delivery.tries];
  if (delay === undefined) return exhaust(delivery, endpoint);
  const asked = secondsOf(retryAfter);
  // the gateway of our own API answers so too: there an attempt is cheap, and an order waits for it
  const isOverloaded = status !== null && OVERLOADED.has(status) && !isOwn(delivery.url);
  if (!isOverloaded) return { status: 'pending', waits: Math.max(jittered(delay), asked) };
  const { slow_times = 0 } = endpoint;
  const slow = Math.max(asked, Math.min(SLOWEST_SECONDS, SLOW_SECONDS * 2 ** slow_times));
  const slow_until = secondsAfter(at, slow);
  return {
    status: 'pending',
    waits: Math.max(jittered(delay), slow),
    endpoint: mark(delivery, { set: { slow_until, slow_times: slow_times + 1 } }, { below: { slow_until } }),
  };
}

/**
 * Makes the attempt of a delivery's turn, and asks for the next one if it fails. A message of another turn changes
 * nothing: at most, a copy of an order's first makes a second attempt, which is not noted and does not count there either.
 * Two reads at most, one write; another write when the address is known to fail.
 */
export async function deliver(message: DeliveryTurn): Promise<void> {
  const delivery = message.delivery ?? (await findDelivery(message.id));
  if (delivery?.status !== 'pending' || delivery.turn !== message.turn) return;
  const found = isOwn(delivery.url) ? undefined : await deliveries.find(Endpoint, endpointKey(delivery.url));
  const endpoint = found ?? {};
  if (endpoint.disabled_at) return note(delivery, { status: 'disabled', reason: endpoint.reason });
  const slowMs = endpoint.slow_until ? Date.parse(endpoint.slow_until) - now().getTime() : 0;
  if (slowMs > 0) {
    const patience = secondsAfter(delivery.replayed_at ?? delivery.created_at, PATIENCE_SECONDS);
    if (timestamp() > patience) return note(delivery, exhaust(delivery, endpoint));
    // not all at once when the time is over
    return note(delivery, { status: 'pending', waits: slowMs / 1_000 + Math.random() * SLOW_SECONDS });
  }
  const at = timestamp();
  const outcome = await attempt(delivery);
  const { ms, status: status_code, error, response } = outcome;
  const number = (delivery.attempts.at(-1)?.number ?? 0) + 1;
  await note(delivery, {
    ...follow(delivery, endpoint, outcome),
    attempts: [{ number, at, ms, status_code, error, response }],
  });
}
