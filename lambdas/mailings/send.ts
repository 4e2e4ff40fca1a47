import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Hopeless } from '../kernel/batch';
import { now, secondsAfter, timestamp } from '../kernel/clock';
import { ConditionFailed, commit } from '../kernel/commit';
import { env } from '../kernel/env';
import { log } from '../kernel/log';
import { type Breaker, noteRequests, readBreaker, TRIP } from './breaker';
import { clientKey } from './clients';
import { changed, countWrites, ledger, messageKey, StoredMessage } from './ledger';
import { findMailing, type StoredMailing } from './mailings';
import { closedReason, countsOf, held, without } from './placement';
import { backlogMs, reserve, spacingMs } from './rate';
import { Client } from './schema';
import { post } from './send-service';

/** Some messages of a mailing, handed out until `lease`, to go from `slot_ms` on (the machine's time). */
export const SendMessage = z.object({
  mailing: z.string(),
  lease: z.string(),
  slot_ms: z.number(),
  /** May be tried though the service is taken for dead. */
  probe: z.boolean(),
  clients: z.array(z.string()),
});
export type SendMessage = z.output<typeof SendMessage>;

const FIRST_RETRY_SECONDS = 2;
const LONGEST_RETRY_SECONDS = 600;

/** 2, 4, 8 … 600 s, half of it by chance: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ */
export const retrySeconds = (attempts: number): number =>
  Math.min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (attempts - 1)) * (0.5 + 0.5 * Math.random());

/** Later than this after its slot, a sender asks for another: its place in the row is gone. */
const LATE_MS = 250;

/** Slots for some sends whose own were at `slot_ms`; undefined when they are gone and there are none before `until`. */
async function slotFor(slot_ms: number, sends: number, until: number): Promise<number | undefined> {
  if (Date.now() - slot_ms <= LATE_MS) return slot_ms;
  return Date.now() + (await backlogMs()) < until ? reserve(sends) : undefined;
}

async function until(ms: number): Promise<void> {
  const wait = ms - Date.now();
  if (wait > 0) await sleep(wait);
}

let underWay = 0;
const queued: (() => void)[] = [];

/** Runs so many requests of this function at once and no more: with the number of functions, what the service has to bear. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (underWay >= Number(env('SEND_PARALLEL'))) await new Promise<void>((resolve) => queued.push(resolve));
  underWay += 1;
  try {
    return await work();
  } finally {
    underWay -= 1;
    queued.shift()?.();
  }
}

/** A request that is not begun by then is left to another time: other mailings want to send too. */
const BEGIN_MS = 6_000;
/** And what it has begun it ends within this time: a lease that does not last so long is left to whoever has it next. */
const END_SECONDS = 12;

type Change = Partial<StoredMessage> & { at: string };

/** A client as it is now. */
const Recipient = Client.pick({ id: true, phone_number: true, timezone: true });

/** Messages of a mailing, each to the number and in the zone that its client has now; none of them for a client who is gone. */
async function findMessages(mailing: string, clients: string[]) {
  const keys = clients.flatMap((client) => [messageKey(mailing, client), clientKey(client)]);
  const found = await ledger.findMany(z.union([StoredMessage, Recipient]), keys);
  const recipients = new Map(found.flatMap((one) => ('mailing' in one ? [] : [[one.id, one] as const])));
  return found.flatMap((before) => {
    if (!('mailing' in before)) return [];
    const { phone_number, timezone } = recipients.get(before.client) ?? {};
    return [{ before, message: phone_number && timezone ? { ...before, phone_number, timezone } : undefined }];
  });
}

const expired = (last_error: string): Change => ({ status: 'expired', state: undefined, at: timestamp(), last_error });

/** What a message becomes that is not asked for at all; undefined for one that is. */
function withheld(
  mailing: StoredMailing,
  message: StoredMessage,
  breaker: Breaker,
  probe: boolean,
): Change | undefined {
  if (mailing.status === 'cancelled' || timestamp() >= mailing.end_at) {
    return expired(closedReason(mailing));
  }
  if (mailing.status === 'paused') return { state: 'held', at: timestamp() };
  if (breaker.open_until !== undefined && !probe) return { state: 'service_down', at: breaker.open_until };
  return held(mailing, message.timezone);
}

async function request(mailing: StoredMailing, message: StoredMessage): Promise<Change> {
  const at = timestamp();
  const { outcome, status, answer, ms, retryAfter = 0 } = await post(message.id, message.phone_number, mailing.text);
  const attempts = message.attempts + 1;
  log('info', 'asked the send service', {
    mailing_id: mailing.id,
    message_id: message.id,
    client_id: message.client,
    attempt: attempts,
    outcome,
    status,
    ms,
    answer,
  });
  const entry = { attempts, log: [...message.log, { at, ms, status, outcome, answer }] };
  if (outcome === 'sent') return { ...entry, status: 'sent', state: undefined, at: timestamp(), sent_at: timestamp() };
  const last_error = status === null ? answer : `the service answered ${status}: ${answer}`;
  if (outcome === 'refused') return { ...entry, status: 'error', state: undefined, at: timestamp(), last_error };
  const again = secondsAfter(now(), Math.max(retryAfter, retrySeconds(attempts)));
  return { ...entry, state: 'retry', at: again < mailing.end_at ? again : mailing.end_at, last_error };
}

interface Result {
  before: StoredMessage;
  after: StoredMessage;
}

/** Stores what came of the messages with the counters, all or nothing; those that are no longer ours are left alone. */
async function settle(mailing: string, results: Result[]): Promise<void> {
  let left = results;
  while (left.length) {
    const counts = countsOf(left.map((one) => ({ ...one, isHandedOut: false, wasOut: true })));
    const head = countWrites(mailing, { ...counts, returned: left.length });
    try {
      await commit({ writes: [...head, ...left.map(({ before, after }) => changed(before, after))] });
      return;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      left = without(left, error, head.length);
    }
  }
}

/** A chunk that takes long looks again, so that a pause, a new text or a service found dead is heeded on the way. */
const FRESH_MS = 2_000;

function looker(id: string) {
  const look = async () => {
    const [mailing, breaker] = await Promise.all([findMailing(id), readBreaker(id)]);
    if (!mailing) throw new Hopeless(`there is no mailing ${id}`);
    return { mailing, breaker };
  };
  let seen = look();
  let seenAt = Date.now();
  return () => {
    if (Date.now() - seenAt > FRESH_MS) {
      seenAt = Date.now();
      seen = look();
    }
    return seen;
  };
}

/**
 * Sends some messages of a mailing, if they are still to be sent: each is looked up in the ledger first, and belongs to
 * this sender only while its lease is the one given. A sender that dies after the service took a message leaves it to the
 * next one, which repeats the same id. Four calls to DynamoDB, whatever their number.
 */
export async function sendMessages(task: SendMessage): Promise<void> {
  const { mailing: id, lease, clients, probe } = task;
  const begin = Date.now() + BEGIN_MS;
  await until(task.slot_ms);
  const all = await findMessages(id, clients);
  const own = all.filter(
    ({ before: { status, state, at } }) => status === 'processing' && state === 'sending' && at === lease,
  );
  if (lease <= secondsAfter(now(), END_SECONDS) || !own.length) return;
  const slot = await slotFor(task.slot_ms, own.length, begin);
  const look = looker(id);
  const { breaker } = await look();
  let well = 0;
  let failed = 0;
  const sendOne = async (message: StoredMessage, own_slot: number): Promise<Change> => {
    const isEnough = Date.now() > begin || (well === 0 && failed >= TRIP);
    const at = isEnough ? undefined : await slotFor(own_slot, 1, begin);
    if (at === undefined) return { state: 'held', at: timestamp() };
    await until(at);
    const seen = await look();
    return withheld(seen.mailing, message, seen.breaker, probe) ?? request(seen.mailing, message);
  };
  const results = await Promise.all(
    own.map(async ({ before, message }, index): Promise<Result> => {
      if (!message) return { before, after: { ...before, ...expired('the client was deleted') } };
      const own_slot = (slot ?? task.slot_ms) + index * spacingMs();
      await until(own_slot);
      // what fails here was not asked for: it must not cost the others what came of theirs
      const change = await inTurn(() => sendOne(message, own_slot)).catch((error: unknown): Change => {
        log('warn', 'left to another time', {
          mailing_id: id,
          message_id: message.id,
          client_id: message.client,
          error,
        });
        return { state: 'held', at: timestamp() };
      });
      if (change.status === 'sent' || change.status === 'error') well += 1;
      if (change.state === 'retry') failed += 1;
      return { before, after: { ...message, ...change } };
    }),
  );
  await settle(id, results);
  await noteRequests(id, breaker, { well, failed, probe });
}
