import type * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { type ListCall, mergedPage } from '../kernel/page';
import { notFound } from '../kernel/problem';
import { type Breaker, readBreaker } from './breaker';
import { clientOf, ledger, messageKey, positionOf, StoredMessage, statusShards } from './ledger';
import { getMailing, type StoredMailing } from './mailings';
import { rate } from './rate';
import { MESSAGE_STATUSES, type Message, type MessageQuery, type Waiting } from './schema';

type Why = z.output<typeof Waiting>;

const clock = (at: string): string => at.slice(11, 19);

const perSecond = (): string => (rate() === undefined ? 'its turn is coming' : `${rate()} go a second at the most`);

/** Why a message is not sent yet; null when it is final. */
function waiting({ status }: StoredMailing, { open_until = '' }: Breaker, message: StoredMessage): Why | null {
  if (message.status !== 'processing') return null;
  const { state, at, attempts, last_error } = message;
  if (status === 'paused') return { reason: 'paused', until: null, detail: 'the mailing is paused' };
  const isAhead = at > timestamp();
  if (state === 'window' && isAhead) {
    return { reason: 'window', until: at, detail: `the client's time window opens at ${clock(at)} UTC` };
  }
  if (state === 'retry' && isAhead) {
    return { reason: 'retry', until: at, detail: `retry ${attempts} at ${clock(at)} UTC: ${last_error}` };
  }
  const until = state === 'service_down' && at > open_until ? at : open_until;
  if (until > timestamp()) {
    return { reason: 'service_down', until, detail: `the send service is down, tried again at ${clock(until)} UTC` };
  }
  return { reason: 'rate', until: null, detail: perSecond() };
}

export const shownMessage = (mailing: StoredMailing, breaker: Breaker, message: StoredMessage): Message => ({
  ...message,
  sent_at: message.sent_at ?? null,
  last_error: message.last_error ?? null,
  waiting: waiting(mailing, breaker, message),
});

interface MessageListCall extends ListCall {
  query: z.output<typeof MessageQuery>;
}

/** Those whose last or next moment is latest come first. */
const pageOf = (call: MessageListCall, mailing: string) =>
  mergedPage(ledger, StoredMessage, call, {
    index: 'gsi1',
    partitions: (call.query.status ? [call.query.status] : MESSAGE_STATUSES).flatMap((status) =>
      statusShards(mailing, status),
    ),
    sortKey: (message: StoredMessage) => positionOf(message),
  });

/** @throws Problem 404 */
export async function listMessages(call: MessageListCall, id: string) {
  const mailing = await getMailing(id);
  const [{ results, next }, breaker] = await Promise.all([pageOf(call, id), readBreaker(id)]);
  return { results: results.map((message) => shownMessage(mailing, breaker, message)), next };
}

/** @throws Problem 404 */
export async function getMessage(id: string, message: string): Promise<Message> {
  const mailing = await getMailing(id);
  const found = await ledger.find(StoredMessage, messageKey(id, clientOf(id, message)));
  if (found?.id !== message) throw notFound('message');
  return shownMessage(mailing, await readBreaker(id), found);
}

const linesOf = ({ id, client, mailing, log, status, at, last_error, created_at }: StoredMessage) => [
  { at: created_at, mailing, message: id, client, what: 'taken into the ledger' },
  ...log.map((attempt) => ({
    at: attempt.at,
    mailing,
    message: id,
    client,
    what: `asked the send service: ${attempt.outcome}`,
    attempt,
  })),
  ...(status === 'error' || status === 'expired'
    ? [{ at, mailing, message: id, client, what: `${status}: ${last_error ?? ''}` }]
    : []),
];

/**
 * The operations on a mailing, and what its messages remember of their attempts (see `ledger.ts`): a page of messages at a
 * time, or that of one client or message. @throws Problem 404
 */
export async function mailingLog(
  call: MessageListCall,
  id: string,
  of: { client?: string | undefined; message?: string | undefined },
) {
  const mailing = await getMailing(id);
  const deeds = mailing.history.map(({ at, by, what }) => ({ at, mailing: id, what: `${what} by ${by}` }));
  const client = of.client ?? (of.message && clientOf(id, of.message));
  if (client) {
    const found = await ledger.find(StoredMessage, messageKey(id, client));
    return { results: found ? linesOf(found) : [], next: null };
  }
  const { results, next } = await pageOf(call, id);
  return { results: [...(call.query.cursor ? [] : deeds), ...results.flatMap(linesOf)], next };
}

/** A client's messages from the latest hundred mailings. One query. */
export async function clientLog(client: string): Promise<ReturnType<typeof linesOf>> {
  const { items } = await ledger.query(StoredMessage, {
    partition: `CLIENT#${client}`,
    prefix: 'MESSAGE#',
    limit: 100,
  });
  return items.flatMap(linesOf);
}
