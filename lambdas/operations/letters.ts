import * as z from 'zod';
import { expiry, timestamp } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import type { Outgoing } from '../kernel/outbox';
import { type Key, table, type Write } from '../kernel/table';
import { shownPayload } from './payload';
import { type DeadLetter, LETTER_STATES } from './schema';

const letters = table();

/** A dead letter of a queue, as it is kept: its payload is one text, for a field of it must not become one of ours. */
export const StoredLetter = z.object({
  /** Of the message that it was. */
  message_id: z.string(),
  lane: z.string(),
  context: z.string(),
  /** The queue that it goes back to, by its name in the outbox; null where it cannot. */
  role: z.string().nullable(),
  payload: z.string(),
  reason: z.string(),
  since: z.string(),
  attempts: z.int().nullable(),
  edited: z.boolean(),
  state: z.enum(LETTER_STATES),
  ended_at: z.string().nullable(),
  ended_by: z.string().nullable(),
});
export type StoredLetter = z.output<typeof StoredLetter>;

/** How long one is kept after its end: to see what became of it. */
const ENDED_SECONDS = 30 * 24 * 3_600;

const keyOf = (message_id: string): Key => ({ pk: `LETTER#${message_id}`, sk: 'LETTER' });
const countKey = (lane: string): Key => ({ pk: DEAD, sk: lane });

/** Its id at the desk, where there are other kinds. */
const deskId = ({ message_id }: StoredLetter): string => `message.${message_id}`;

/** Open ones alone are in the indexes: all, and those of a lane. */
const indexes = ({ message_id, lane, since }: StoredLetter) => ({
  gsi1pk: 'LETTERS',
  gsi1sk: `${since}#${message_id}`,
  gsi2pk: `LETTERS#${lane}`,
  gsi2sk: `${since}#${message_id}`,
});
const NOWHERE = { gsi1pk: undefined, gsi1sk: undefined, gsi2pk: undefined, gsi2sk: undefined };

const DEAD = 'DEAD';
const count = (lane: string, by: number): Write => letters.update(countKey(lane), { add: { open: by } });
const Count = z.object({ sk: z.string(), open: z.int() });

/** How many lie open in each lane. One query of one item a lane. */
export async function deadCounts(): Promise<Record<string, number>> {
  const { items } = await letters.query(Count, { partition: DEAD, consistent: true });
  return Object.fromEntries(items.map(({ sk, open }) => [sk, open]));
}

/** Keeps a dead letter, once however often it comes. One transaction of two items. */
export async function keepLetter(letter: StoredLetter): Promise<void> {
  await commitIf({
    writes: [
      letters.put(
        { ...letter, id: deskId(letter), ...keyOf(letter.message_id), ...indexes(letter) },
        { exists: false },
      ),
      count(letter.lane, 1),
    ],
  });
}

export const findLetter = (message_id: string): Promise<StoredLetter | undefined> =>
  letters.find(StoredLetter, keyOf(message_id));

/** Open ones, newest first: of all lanes or one. */
export function queryLetters(lane: string | undefined, limit: number, startKey: Record<string, unknown> | undefined) {
  const range = lane
    ? ({ index: 'gsi2', partition: `LETTERS#${lane}` } as const)
    : ({ index: 'gsi1', partition: 'LETTERS' } as const);
  return letters.query(StoredLetter, { ...range, limit, startKey });
}

/** @throws ConditionFailed when it has ended, or was edited since it was read */
export const editLetter = ({ message_id, payload: read }: StoredLetter, payload: string): Promise<void> =>
  commit({
    writes: [
      letters.update(
        keyOf(message_id),
        { set: { payload, edited: true } },
        { equals: { state: 'open', payload: read } },
      ),
    ],
  });

/**
 * Ends a letter, with what follows from it in the same transaction: a letter that is put back is sent, once.
 * @throws ConditionFailed when it had ended before, or was edited since it was read
 */
export async function endLetter(
  letter: StoredLetter,
  { state, by, emit = [] }: { state: 'put_back' | 'discarded'; by: string; emit?: Outgoing[] },
): Promise<StoredLetter> {
  const { message_id, lane, payload } = letter;
  const ended = { state, ended_at: timestamp(), ended_by: by };
  const set = { ...ended, ...NOWHERE, expires_at: expiry(ENDED_SECONDS) };
  const write = letters.update(keyOf(message_id), { set }, { equals: { state: 'open', payload } });
  await commit({ writes: [write, count(lane, -1)], emit });
  return { ...letter, ...ended };
}

/** As the desk shows it. */
export function shownLetter(letter: StoredLetter): DeadLetter {
  const { lane, context, role, payload, reason, since, attempts, edited, state, ended_at, ended_by } = letter;
  const isOpen = state === 'open';
  return {
    id: deskId(letter),
    kind: 'message',
    lane,
    context,
    payload: shownPayload(payload),
    reason,
    since,
    attempts,
    edited,
    can_put_back: isOpen && role !== null,
    can_edit: isOpen && role !== null,
    can_discard: isOpen,
    state,
    ended_at,
    ended_by,
    link: null,
  };
}
