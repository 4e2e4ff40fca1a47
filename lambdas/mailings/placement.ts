import { timestamp } from '../kernel/clock';
import type { ConditionFailed } from '../kernel/commit';
import type { Write } from '../kernel/table';
import { type CountChange, changed, messageId, newMessage, type StoredMessage } from './ledger';
import type { StoredMailing } from './mailings';
import type { Client } from './schema';
import { nextOpening } from './window';

/** What becomes of a message at a step of its mailing's run. */
export interface Placement {
  /** What is in the ledger; absent for a new message. */
  before?: StoredMessage;
  after: StoredMessage;
  isHandedOut: boolean;
  /** It was handed out before and never came back. */
  wasOut: boolean;
}

type Fate = Pick<StoredMessage, 'status' | 'at'> & Partial<Pick<StoredMessage, 'state' | 'last_error'>>;

const expired = (last_error: string): Fate => ({ status: 'expired', at: timestamp(), last_error, state: undefined });

export const closedReason = ({ status, deleted }: StoredMailing): string =>
  deleted ? 'the mailing was deleted' : status === 'cancelled' ? 'the mailing was cancelled' : 'the mailing has ended';

/** When a client may be written to: now (undefined), at a time before the mailing's end, or never. */
export function opening({ time_window, end_at }: StoredMailing, timezone: string): string | 'never' | undefined {
  if (!time_window) return undefined;
  const at = Date.parse(timestamp());
  const opens = nextOpening(time_window, timezone, at);
  if (opens === at) return undefined;
  return opens === undefined || opens >= Date.parse(end_at) ? 'never' : new Date(opens).toISOString();
}

/** The fate of a message that cannot go now; undefined for one that can. */
export function held(mailing: StoredMailing, timezone: string): Fate | undefined {
  const opens = opening(mailing, timezone);
  if (opens === undefined) return undefined;
  if (opens === 'never') return expired('the time window does not open before the end');
  return { status: 'processing', state: 'window', at: opens };
}

const fateOf = (mailing: StoredMailing, timezone: string, lease: string, closing: boolean): Fate =>
  closing
    ? expired(closedReason(mailing))
    : (held(mailing, timezone) ?? { status: 'processing', state: 'sending', at: lease });

/** A message that is due. */
export function place(mailing: StoredMailing, before: StoredMessage, lease: string, closing: boolean): Placement {
  const fate = fateOf(mailing, before.timezone, lease, closing);
  const reason = closing && before.last_error ? `${closedReason(mailing)}; before: ${before.last_error}` : undefined;
  const after = { ...before, ...fate, ...(reason && { last_error: reason }) };
  return { before, after, isHandedOut: fate.state === 'sending', wasOut: before.state === 'sending' };
}

/** A client met for the first time. */
export function placeClient(mailing: StoredMailing, client: Client, lease: string, closing: boolean): Placement {
  const fate = fateOf(mailing, client.timezone, lease, closing);
  const after: StoredMessage = {
    id: messageId(mailing.id, client.id),
    mailing: mailing.id,
    client: client.id,
    phone_number: client.phone_number,
    timezone: client.timezone,
    attempts: 0,
    created_at: timestamp(),
    log: [],
    ...fate,
  };
  return { after, isHandedOut: fate.state === 'sending', wasOut: false };
}

/** A failed message that gets another chance. */
export const requeue = (before: StoredMessage): Placement => ({
  before,
  after: { ...before, status: 'processing', state: 'retry', at: timestamp() },
  isHandedOut: false,
  wasOut: false,
});

export const writeOf = ({ before, after }: Placement): Write => (before ? changed(before, after) : newMessage(after));

export function countsOf(placements: Placement[]): CountChange {
  const counts: CountChange = {};
  for (const { before, after } of placements) {
    if (before?.status === after.status) continue;
    counts[after.status] = (counts[after.status] ?? 0) + 1;
    if (before) counts[before.status] = (counts[before.status] ?? 0) - 1;
  }
  return counts;
}

/** Those left when some writes, the first of them at `offset` in their transaction, did not hold. */
export const without = <T>(all: T[], { indexes }: ConditionFailed, offset: number): T[] =>
  all.filter((_, index) => !indexes.includes(index + offset));
