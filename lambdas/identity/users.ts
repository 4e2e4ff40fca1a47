import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { type Commit, ConditionFailed, commit } from '../kernel/commit';
import { type Principal, ROLES, type Role } from '../kernel/contract';
import { unauthorized } from '../kernel/credentials';
import { newId, shardOf } from '../kernel/id';
import { Problem } from '../kernel/problem';
import { table, type Write } from '../kernel/table';
import { findOwner, nameWrites } from './login-names';
import { hashPassword } from './password';
import { type NewUser, User } from './schema';

export const StoredUser = User.extend({
  password_hash: z.string(),
  /** Counts what ends all sessions of the user: a session of an earlier epoch is over. */
  epoch: z.int(),
  /** Counts the writes. */
  version: z.int(),
});
export type StoredUser = z.output<typeof StoredUser>;

export const users = table();
export const USERS = 'USERS';
const NOBODY = '00000000-0000-0000-0000-000000000000';
export const userKey = (uuid: string) => ({ pk: `USER#${uuid}`, sk: 'USER' });

/** A user as its readers may see it. */
export const shown = (user: StoredUser): User => User.parse(user);

export const findUser = (uuid: string): Promise<StoredUser | undefined> => users.find(StoredUser, userKey(uuid));

/** Those of some users that exist, by uuid. One read each, a call for each hundred. */
export async function findUsers(uuids: readonly string[]): Promise<Map<string, StoredUser>> {
  const all = [...new Set(uuids)];
  const found: StoredUser[] = [];
  for (let start = 0; start < all.length; start += 100) {
    found.push(...(await users.findMany(StoredUser, all.slice(start, start + 100).map(userKey))));
  }
  return new Map(found.map((user) => [user.uuid, user]));
}

/** The user of a username or an email. Two reads, also where there is none. */
export const findByLogin = async (name: string): Promise<StoredUser | undefined> =>
  findUser((await findOwner(name)) ?? NOBODY);

/** The user who calls, as stored now. @throws Problem 401 when it is gone, 403 for an API key and an outside user */
export async function callingUser({ kind, id, isOutside }: Principal): Promise<StoredUser> {
  if (kind !== 'user') throw new Problem(403, 'an API key has no user of its own');
  if (isOutside) throw new Problem(403, 'a user of the outside issuer has no account here');
  const user = await findUser(id);
  if (!user?.is_active) throw unauthorized('this user was deleted or deactivated');
  return user;
}

/** A user who is not stored yet. Hashes the password. */
export async function newUser({ password, ...fields }: NewUser, roles: Role[] = []): Promise<StoredUser> {
  const password_hash = await hashPassword(password);
  const uuid = newId();
  return { uuid, ...fields, roles, is_active: true, created_at: timestamp(), password_hash, epoch: 0, version: 0 };
}

export const sortedRoles = (roles: readonly Role[]): Role[] => ROLES.filter((role) => roles.includes(role));

function userWrite(before: StoredUser | undefined, after: StoredUser | undefined): Write {
  const condition = before ? { equals: { version: before.version } } : { exists: false };
  if (!after) return users.delete(userKey(before?.uuid ?? NOBODY), condition);
  const index = { gsi1pk: shardOf(USERS, after.uuid), gsi1sk: after.uuid };
  return users.put({ ...userKey(after.uuid), ...index, ...after, version: (before?.version ?? 0) + 1 }, condition);
}

/**
 * Makes, changes or deletes a user together with its login names, all or nothing.
 * @throws Problem 409 when a name is taken
 * @throws ConditionFailed when the user was written since `before` was read, or a condition of `writes` does not hold
 */
export async function save(
  before: StoredUser | undefined,
  after: StoredUser | undefined,
  { writes = [], ...rest }: Partial<Commit> = {},
): Promise<void> {
  const names = nameWrites(before, after);
  try {
    await commit({ writes: [userWrite(before, after), ...names.map(({ write }) => write), ...writes], ...rest });
  } catch (error) {
    const field = error instanceof ConditionFailed && names[error.index - 1]?.field;
    if (!field) throw error;
    throw new Problem(409, `the ${field} is taken`, { kind: 'taken', errors: [{ path: field, message: 'is taken' }] });
  }
}
