import * as z from 'zod';
import { shardOf, shards } from '../kernel/id';
import { type Key, table, type Write } from '../kernel/table';
import { Attempt, type Counts, MESSAGE_STATUSES, type MessageStatus } from './schema';

export const ledger = table();

/** What a message in `processing` waits for. */
export const STATES = ['sending', 'window', 'retry', 'held', 'service_down'] as const;

/**
 * A message as stored: one for each (mailing, client), its key fixed by both. `at` is when it wants attention: for one in
 * `sending` the end of its lease, after which whoever was to send it is taken for dead; for one that waits, its next time;
 * for a final one, when it became so. A settlement names the lease, so that a late one changes nothing.
 */
export const StoredMessage = z.object({
  id: z.string(),
  mailing: z.string(),
  client: z.string(),
  phone_number: z.string(),
  timezone: z.string(),
  status: z.enum(MESSAGE_STATUSES),
  state: z.enum(STATES).optional(),
  at: z.string(),
  attempts: z.int(),
  created_at: z.string(),
  sent_at: z.string().optional(),
  last_error: z.string().optional(),
  log: z.array(Attempt).default([]),
});
export type StoredMessage = z.output<typeof StoredMessage>;

export const messageKey = (mailing: string, client: string): Key => ({
  pk: `CLIENT#${client}`,
  sk: `MESSAGE#${mailing}`,
});

/** The partitions of a mailing's messages of one status, sorted by `at`. */
export const statusShards = (mailing: string, status: MessageStatus): string[] =>
  shards(`MESSAGES#${mailing}#${status}`);
export const positionOf = ({ at, client }: { at: string; client: string }): string => `${at}#${client}`;

const indexOf = (message: { mailing: string; client: string; status: MessageStatus; at: string }) => ({
  gsi1pk: shardOf(`MESSAGES#${message.mailing}#${message.status}`, message.client),
  gsi1sk: positionOf(message),
});

const numberOf = (uuid: string): bigint => BigInt(`0x${uuid.replaceAll('-', '')}`);

function xor(a: string, b: string, version: number): string {
  const hex = (numberOf(a) ^ numberOf(b)).toString(16).padStart(32, '0');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    version + hex.slice(13, 16),
    variant + hex.slice(17, 20),
    hex.slice(20),
  ];
  return parts.join('-');
}

/**
 * The id of the message of a mailing to a client: both ids folded into one UUID of version 8 (RFC 9562, 5.8), always the
 * same, and with the mailing it leads back to the client without a look-up.
 */
export const messageId = (mailing: string, client: string): string => xor(mailing, client, 8);
export const clientOf = (mailing: string, message: string): string => xor(mailing, message, 7);

/** How many attempts a message remembers: the first ones say how it began, the last ones how it goes. */
const FIRST_KEPT = 5;
const LAST_KEPT = 20;
const keptOf = (log: Attempt[]): Attempt[] =>
  log.length > FIRST_KEPT + LAST_KEPT ? [...log.slice(0, FIRST_KEPT), ...log.slice(-LAST_KEPT)] : log;

const itemOf = (message: StoredMessage) => ({
  ...messageKey(message.mailing, message.client),
  ...indexOf(message),
  ...message,
  log: keptOf(message.log),
});

/** A new message. Fails where there is one already. */
export const newMessage = (message: StoredMessage): Write => ledger.put(itemOf(message), { exists: false });

/** A message as it becomes; holds only while it is as `before`: its status and its time are a fence, so it is written whole. */
export const changed = (before: StoredMessage, after: StoredMessage): Write =>
  ledger.put(itemOf(after), { equals: { status: before.status, at: before.at } });

/** Counters are spread over so many items that concurrent settlements seldom meet. */
const COUNTER_SHARDS = 8;
const OVERALL = 'OVERALL';
const counterKeys = (owner: string): Key[] =>
  Array.from({ length: COUNTER_SHARDS }, (_, shard) => ({ pk: `COUNTERS#${owner}`, sk: `COUNT#${shard}` }));

/** `returned` counts what came back from sending, for whatever reason. */
export type CountChange = Partial<Record<MessageStatus | 'returned', number>>;

/** The writes that keep the statistics, for the transaction that changes the messages counted: two at the most. */
export function countWrites(mailing: string, change: CountChange): Write[] {
  const shard = Math.floor(Math.random() * COUNTER_SHARDS);
  const add = Object.fromEntries(Object.entries(change).filter(([, amount]) => amount !== 0));
  const { returned: _, ...statuses } = add;
  const counter = (owner: string, amounts: Record<string, number>): Write[] =>
    Object.keys(amounts).length
      ? [ledger.update({ pk: `COUNTERS#${owner}`, sk: `COUNT#${shard}` }, { add: amounts })]
      : [];
  return [...counter(mailing, add), ...counter(OVERALL, statuses)];
}

const Counter = z.object({
  pk: z.string(),
  processing: z.number().default(0),
  sent: z.number().default(0),
  error: z.number().default(0),
  expired: z.number().default(0),
  returned: z.number().default(0),
});

export interface Tally extends Counts {
  returned: number;
}

const ITEMS_A_CALL = 100;

/** The counts of some mailings, exact and up to the moment. Eight reads a mailing, in calls of a hundred. */
export async function tallies(mailings: string[]): Promise<Tally[]> {
  const keys = mailings.flatMap(counterKeys);
  const calls = Array.from({ length: Math.ceil(keys.length / ITEMS_A_CALL) }, (_, call) =>
    ledger.findMany(Counter, keys.slice(call * ITEMS_A_CALL, (call + 1) * ITEMS_A_CALL)),
  );
  const counters = (await Promise.all(calls)).flat();
  return mailings.map((mailing) => {
    const own = counters.filter(({ pk }) => pk === `COUNTERS#${mailing}`);
    const sum = (name: MessageStatus | 'returned') => own.reduce((all, counter) => all + counter[name], 0);
    const [processing, sent, error, expired] = [sum('processing'), sum('sent'), sum('error'), sum('expired')];
    const total = processing + sent + error + expired;
    return { total, processing, sent, error, expired, returned: sum('returned') };
  });
}

export const tallyOf = async (mailing: string): Promise<Tally> => (await tallies([mailing]))[0] as Tally;
export const overallTally = (): Promise<Tally> => tallyOf(OVERALL);
