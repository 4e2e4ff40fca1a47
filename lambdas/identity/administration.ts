import type { Principal } from '../kernel/contract';
import type { Handler } from '../kernel/http';
import { shards } from '../kernel/id';
import { log } from '../kernel/log';
import { mergedPage } from '../kernel/page';
import { conflict, invalid, notFound, Problem } from '../kernel/problem';
import { untilWritten } from '../kernel/until-written';
import { adminsWrite } from './admins';
import type { IdentityContract } from './contract';
import { searchNames } from './login-names';
import { hashPassword } from './password';
import { nameKey, passwordFlaw, type UserChange } from './schema';
import { callingUser, findUser, findUsers, StoredUser, save, shown, sortedRoles, USERS, users } from './users';

type Verbs = typeof IdentityContract;

const isAdmin = (user: StoredUser | undefined): boolean => Boolean(user?.is_active && user.roles.includes('admin'));

/**
 * Lets only those pass who are admins now: the token of one who no longer is holds ten minutes, but not here. One read. An
 * outside user is what its token says: there is nothing else to ask.
 */
export async function requireAdmin(principal: Principal): Promise<void> {
  if (principal.kind === 'api_key' || principal.isOutside || isAdmin(await callingUser(principal))) return;
  throw new Problem(403, 'you are not an admin any more');
}

async function getStored(uuid: string): Promise<StoredUser> {
  const user = await findUser(uuid);
  if (!user) throw notFound('user');
  return user;
}

export const listUsers: Handler<Verbs['listUsers']> = async (call) => {
  await requireAdmin(call.principal);
  const { search } = call.query;
  if (!search) {
    const sortKey = ({ uuid }: StoredUser) => uuid;
    const all = { index: 'gsi1' as const, partitions: shards(USERS), sortKey };
    const { results, next } = await mergedPage(users, StoredUser, call, all);
    return { results: results.map(shown), next };
  }
  const { results: names, next } = await searchNames(call, search);
  const found = await findUsers(names.map(({ user }) => user));
  const results = names.flatMap(({ name, user: uuid }) => {
    const user = found.get(uuid);
    if (!user) return [];
    const username = nameKey(user.username);
    // whose username begins so too is found by that, and shown once
    return name !== username && username.startsWith(nameKey(search)) ? [] : [shown(user)];
  });
  return { results, next };
};

export const getUser: Handler<Verbs['getUser']> = async ({ params, principal }) => {
  await requireAdmin(principal);
  return shown(await getStored(params.uuid));
};

async function changed(user: StoredUser, { roles, password, ...change }: UserChange): Promise<StoredUser> {
  const after = { ...user, ...change, roles: roles ? sortedRoles(roles) : user.roles };
  const flaw = password && passwordFlaw(password, [after.username, after.email]);
  if (flaw) throw invalid([{ path: 'password', message: flaw }]);
  const endsSessions = password !== undefined || (user.is_active && !after.is_active);
  return {
    ...after,
    epoch: user.epoch + (endsSessions ? 1 : 0),
    password_hash: password === undefined ? user.password_hash : await hashPassword(password),
  };
}

/** Keeps admins from shutting themselves out, and the shop from having none. @throws Problem 409 */
async function adminWrites(before: StoredUser, after: StoredUser | undefined, principal: Principal) {
  if (isAdmin(before) === isAdmin(after)) return [];
  if (before.uuid === principal.id) throw conflict('you cannot take the admin role from yourself: ask another admin');
  return [await adminsWrite(before.uuid, isAdmin(after))];
}

export const changeUser: Handler<Verbs['changeUser']> = async ({ params, body, principal, requireMatch }) => {
  await requireAdmin(principal);
  if (body.password && params.uuid === principal.id) {
    throw conflict('change your own password at /api/auth/password/: it asks for the old one');
  }
  return untilWritten(async () => {
    const before = await getStored(params.uuid);
    requireMatch(before);
    const after = await changed(before, body);
    await save(before, after, { writes: await adminWrites(before, after, principal) });
    const ids = { user: before.uuid, by: principal.id };
    if (`${after.roles}` !== `${before.roles}`)
      log('info', 'roles changed', { ...ids, from: before.roles, to: after.roles });
    if (after.is_active !== before.is_active) log('info', after.is_active ? 'user activated' : 'user deactivated', ids);
    if (body.password) log('info', 'password set by an admin', ids);
    return shown(after);
  });
};

export const deleteUser: Handler<Verbs['deleteUser']> = async ({ params, principal }) => {
  await requireAdmin(principal);
  return untilWritten(async () => {
    const before = await getStored(params.uuid);
    await save(before, undefined, { writes: await adminWrites(before, undefined, principal) });
    log('info', 'user deleted', { user: before.uuid, by: principal.id });
    return undefined;
  });
};
