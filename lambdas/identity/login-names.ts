import * as z from 'zod';
import { shardOf, shards } from '../kernel/id';
import { type ListCall, mergedPage } from '../kernel/page';
import { table, type Write } from '../kernel/table';
import { nameKey } from './schema';

/**
 * A name that somebody logs in by. Usernames and emails share one space, so that nobody can take another's email as a
 * username. Written in the transactions that write users; the condition on it is what makes names unique.
 */
const LoginName = z.object({ name: z.string(), user: z.string() });

const names = table();
const KIND = 'LOGIN_NAMES';
const itemKey = (name: string) => ({ pk: `LOGIN#${name}`, sk: 'LOGIN' });

interface Named {
  uuid: string;
  username: string;
  email: string | null;
}

/** By name, the field that holds it. */
const namesOf = ({ username, email }: Named): Map<string, 'username' | 'email'> =>
  new Map([...(email ? [[nameKey(email), 'email'] as const] : []), [nameKey(username), 'username']]);

export interface NameWrite {
  write: Write;
  /** The field whose value is taken when the write's condition fails; undefined for a name that is freed. */
  field?: 'username' | 'email';
}

/** The writes that give a user its names and free those that it had `before` and has no more. */
export function nameWrites(before: Named | undefined, after: Named | undefined): NameWrite[] {
  const had = before ? namesOf(before) : new Map<string, never>();
  const has = after ? namesOf(after) : new Map<string, 'username' | 'email'>();
  const claimed = [...has].filter(([name]) => !had.has(name));
  const freed = [...had.keys()].filter((name) => !has.has(name));
  return [
    ...claimed.map(([name, field]) => {
      const index = { gsi2pk: shardOf(KIND, name), gsi2sk: name };
      return { field, write: names.put({ ...itemKey(name), ...index, name, user: after?.uuid }, { exists: false }) };
    }),
    ...freed.map((name) => ({ write: names.delete(itemKey(name)) })),
  ];
}

/** Whose name it is. One read. */
export const findOwner = async (name: string): Promise<string | undefined> =>
  (await names.find(LoginName, itemKey(nameKey(name))))?.user;

const LAST = '\u{10ffff}';

/**
 * A page of the names that begin with a text, in order. Reads up to `limit` small items from each partition of the
 * index, in parallel: four queries, half a read unit for every 4 KB of some 30 names.
 */
export const searchNames = (call: ListCall, beginning: string) =>
  mergedPage(names, LoginName, call, {
    index: 'gsi2',
    partitions: shards(KIND),
    from: nameKey(beginning),
    to: nameKey(beginning) + LAST,
    ascending: true,
    sortKey: ({ name }: z.output<typeof LoginName>) => name,
  });
