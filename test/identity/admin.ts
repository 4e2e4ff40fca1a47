import type { Role } from '../../lambdas/kernel/contract';
import { type Answer, platform } from '../support/platform';
import { bearer, people } from './people';

export type Caller = { headers: Record<string, string> };

/** A platform with an admin's API key, and the calls of an admin. */
export async function setUp() {
  const on = await platform('identity');
  const who = people(on);
  const key = await on.callers.apiKey({ roles: ['admin'] });
  const admin = (method: string, path: string, body?: unknown, caller: Caller = key, headers = {}): Promise<Answer> =>
    on.api(method, path, { ...(body !== undefined && { body }), headers }, caller);
  const change = (uuid: string, body: unknown, caller?: Caller, headers = {}) =>
    admin('PATCH', `/api/users/${uuid}/`, body, caller, headers);
  /** A user with roles, and the headers to call with. */
  const userWith = async (...roles: Role[]) => {
    const { user } = await who.register();
    if (roles.length) expect((await change(user.uuid, { roles })).status).toBe(200);
    const { body } = await who.logIn(user.username);
    return { ...user, refresh: body.refresh as string, ...bearer(body.access) };
  };
  return { on, who, admin, change, userWith };
}
export type SetUp = Awaited<ReturnType<typeof setUp>>;
