import { setTimeout as pause } from 'node:timers/promises';
import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { documents } from '../kernel/documents';
import { env } from '../kernel/env';
import { shardOf } from '../kernel/id';
import { busy } from '../kernel/problem';
import { type Key, table } from '../kernel/table';
import { firstBytes } from '../kernel/text';
import type { Resource, SourceRecord } from './schema';

/** The environment variables with the names of the three tables. */
const TABLES = { users: 'USERS_TABLE', addresses: 'ADDRESSES_TABLE', credit_cards: 'CREDIT_CARDS_TABLE' } as const;

export const tables = {
  users: table(TABLES.users),
  addresses: table(TABLES.addresses),
  credit_cards: table(TABLES.credit_cards),
};

/** What belongs to a user: in a table of its own, found by the user's uid. */
export const PARTS = ['addresses', 'credit_cards'] as const;
export type Part = (typeof PARTS)[number];

/** A record as it is stored: what the source said as one JSON text, so that no field of its can be taken for one of ours. */
export const Stored = z.object({
  uid: z.string(),
  record: z.string(),
  /** When the source gave it: an older answer never replaces a newer one. */
  fetched_at: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  /** Of an address or a card: its user, absent without one. */
  user: z.string().optional(),
  linked_at: z.string().optional(),
  gsi2sk: z.string().optional(),
  gsi3sk: z.string().optional(),
});
export type Stored = z.output<typeof Stored>;

/** What is stored under one uid. */
export type Person = Partial<Record<Resource, Stored>>;

export const keyOf = (uid: string): Key => ({ pk: uid, sk: 'RECORD' });

const MOST_KEYS = 100;
/** Calls in a row that give nothing of what they are asked for, before the reader gives up. */
const FRUITLESS_CALLS = 5;

type Requests = Record<string, { Keys: Record<string, unknown>[]; ConsistentRead: true }>;
const countOf = (requests: Requests): number => Object.values(requests).reduce((sum, { Keys }) => sum + Keys.length, 0);

/**
 * What is stored under some uids, in the resources named. Strongly consistent; one read for each that is there or not, and
 * one call for each hundred; more, with growing pauses, when the tables are busy.
 * @throws Problem 503 when they stay so
 */
export async function findPeople(
  uids: readonly string[],
  resources: readonly Resource[],
): Promise<Map<string, Person>> {
  const people = new Map<string, Person>(uids.map((uid) => [uid, {}]));
  const uidsAtOnce = Math.floor(MOST_KEYS / resources.length);
  for (let start = 0; start < uids.length; start += uidsAtOnce) {
    const Keys = uids.slice(start, start + uidsAtOnce).map((uid) => ({ ...keyOf(uid) }));
    let RequestItems: Requests = Object.fromEntries(
      resources.map((resource) => [env(TABLES[resource]), { Keys, ConsistentRead: true }]),
    );
    for (let fruitless = 0; Object.keys(RequestItems).length; ) {
      const { Responses = {}, UnprocessedKeys = {} } = await documents.send(new BatchGetCommand({ RequestItems }));
      for (const resource of resources) {
        for (const item of Responses[env(TABLES[resource])] ?? []) {
          const stored = Stored.parse(item);
          const person = people.get(stored.uid);
          if (person) person[resource] = stored;
        }
      }
      const left = UnprocessedKeys as typeof RequestItems;
      fruitless = countOf(left) < countOf(RequestItems) ? 0 : fruitless + 1;
      if (fruitless > FRUITLESS_CALLS) throw busy('too much is being read at once, try again');
      if (countOf(left)) await pause(Math.random() * 25 * 2 ** fruitless);
      RequestItems = left;
    }
  }
  return people;
}

/** As `findPeople`, of one. One call. */
export const findPerson = async (uid: string, resources: readonly Resource[]): Promise<Person> =>
  (await findPeople([uid], resources)).get(uid) ?? {};

/** The kinds of the indexes over all of a resource (`gsi1`). */
export const KIND = { users: 'USERS', addresses: 'ADDRESSES', credit_cards: 'CREDIT_CARDS' } as const;
/** Those of `gsi2`: users by name, the others by whether they have a user; and of `gsi3`: users by email. */
export const BY_NAME = 'USERS_BY_NAME';
export const BY_EMAIL = 'USERS_BY_EMAIL';
export const byAssignment = (part: Part, assigned: boolean): string =>
  `${KIND[part]}_${assigned ? 'ASSIGNED' : 'UNASSIGNED'}`;

/** Two names and a uid are less than the 1,024 bytes of a sort key; NFKC makes up to eighteen characters of one. */
const MOST_BYTES = 400;

/** Names as they are searched for: any case, any Unicode form, cut to what a key can hold. */
export const searchKey = (text: unknown): string =>
  firstBytes(String(text).normalize('NFKC').trim().toLowerCase(), MOST_BYTES);

/** The attributes of the name indexes. Sort keys end with the uid, so that each is one of its kind. */
export const nameIndexes = ({ uid, first_name, last_name, email }: SourceRecord) => ({
  gsi2pk: shardOf(BY_NAME, uid),
  gsi2sk: `${searchKey(first_name)} ${searchKey(last_name)}#${uid}`,
  gsi3pk: shardOf(BY_EMAIL, uid),
  gsi3sk: `${searchKey(email)}#${uid}`,
});

/** The attributes of the index over all of a kind, newest first. */
export const allIndex = (resource: Resource, uid: string, createdAt: string) => ({
  gsi1pk: shardOf(KIND[resource], uid),
  gsi1sk: sortKeyOf({ uid, created_at: createdAt }),
});

export const sortKeyOf = ({ uid, created_at }: Pick<Stored, 'uid' | 'created_at'>): string => `${created_at}#${uid}`;

/** The attributes that say whether an address or a card has a user, and index it by that. */
export const assignment = (part: Part, stored: Pick<Stored, 'uid' | 'created_at'>, linkedAt: string | undefined) => ({
  user: linkedAt && stored.uid,
  linked_at: linkedAt,
  gsi2pk: shardOf(byAssignment(part, linkedAt !== undefined), stored.uid),
  gsi2sk: sortKeyOf(stored),
});
