import { ROLES, type Role, SCOPES } from '../../lambdas/kernel/contract';
import { findSecret } from '../../lambdas/kernel/secret';
import type { Platform } from '../support/platform';

export interface Caller {
  headers: Record<string, string>;
}

/** Everybody there is, by what they have: users without and with a role, keys with a role or a scope. */
export const CALLERS = [
  'user',
  ...ROLES,
  ...ROLES.map((role) => `key:${role}`),
  ...SCOPES.map((scope) => `key:${scope}`),
] as const;

const PASSWORD = 'correct horse battery';

/** Makes all of `CALLERS` the way that people make them: the first admin gives roles and keys. */
export async function makeCallers({ api, named }: Platform): Promise<Map<string, Caller>> {
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer
  const call = async (method: string, path: string, body: unknown, caller?: Caller): Promise<any> => {
    const answer = await api(method, path, { body }, caller, 'identity');
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const bearer = ({ access }: { access: string }): Caller => ({ headers: { authorization: `Bearer ${access}` } });
  const secret = named('Identity/Api').environment['ADMIN_SECRET_ARN'] ?? '';
  const admin = bearer(await call('POST', '/api/auth/login/', JSON.parse((await findSecret(secret)) ?? '{}')));

  const person = async (...roles: Role[]): Promise<Caller> => {
    const username = `somebody-${roles.join('-')}`;
    const { user } = await call('POST', '/api/auth/registration/', { username, password: PASSWORD });
    await call('PATCH', `/api/users/${user.uuid}/`, { roles }, admin);
    return bearer(await call('POST', '/api/auth/login/', { username, password: PASSWORD }));
  };
  const key = async (grants: object): Promise<Caller> => {
    const made = await call('POST', '/api/api-keys/', { name: 'test', ...grants }, admin);
    return { headers: { authorization: `Api-Key ${made.key}` } };
  };

  const made = new Map<string, Caller>([['user', await person()]]);
  for (const role of ROLES) made.set(role, await person(role)).set(`key:${role}`, await key({ roles: [role] }));
  for (const scope of SCOPES) made.set(`key:${scope}`, await key({ scopes: [scope] }));
  return made;
}
