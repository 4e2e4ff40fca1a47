import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { ConditionFailed } from '../kernel/commit';
import { shownFields } from '../kernel/contract';
import { type Deed, during } from '../kernel/deed';
import { env } from '../kernel/env';
import { log } from '../kernel/log';
import { Problem } from '../kernel/problem';
import { findSecret } from '../kernel/secret';
import { table } from '../kernel/table';
import { adminsWrite } from './admins';
import { IdentityContract } from './contract';
import { nameKey, Password, Username } from './schema';
import { newUser, save } from './users';

const Login = z.object({ username: Username, password: Password });

const markers = table();
const FIRST_ADMIN = { pk: 'FIRST_ADMIN', sk: 'FIRST_ADMIN' };

const isMade = async (): Promise<boolean> =>
  (await markers.find(z.object({ made_at: z.string() }), FIRST_ADMIN)) !== undefined;

async function generatedLogin(): Promise<z.output<typeof Login> | undefined> {
  try {
    return Login.parse(JSON.parse((await findSecret(env('ADMIN_SECRET_ARN'))) ?? 'null'));
  } catch (error) {
    // its text stays out of the log: it may be a password in a wrong shape
    log('error', 'the secret of the first admin is not {"username", "password"}', { reason: (error as Error).name });
    return undefined;
  }
}

const DEPLOYMENT: Deed = {
  who: { kind: 'system', id: 'system', name: 'deployment' },
  operation: 'makeFirstAdmin',
  method: '',
  path: '',
  request_id: '',
  params: {},
  entity: ['user', 'uuid'],
  shows: shownFields(IdentityContract),
};

/**
 * Makes the admin whose username and password were generated at deployment, once, when its name is first used: to log in,
 * or by somebody who would take it. A marker that stays keeps a deleted first admin from coming back. Costs nothing for
 * other names, one read for this one.
 */
export async function makeFirstAdmin(name: string): Promise<void> {
  const login = await generatedLogin();
  if (!login || nameKey(login.username) !== nameKey(name) || (await isMade())) return;
  const admin = await newUser({ ...login, email: null, phone_number: null }, ['admin']);
  const marker = markers.put({ ...FIRST_ADMIN, user: admin.uuid, made_at: timestamp() }, { exists: false });
  try {
    const writes = [marker, await adminsWrite(admin.uuid, true)];
    await during(DEPLOYMENT, () => save(undefined, admin, { writes }));
    log('info', 'first admin made', { user: admin.uuid });
  } catch (error) {
    if (!(error instanceof Problem || error instanceof ConditionFailed)) throw error;
    // another instance was faster, or somebody has the name that was put into the secret later
    if (!(await isMade())) log('error', 'the first admin cannot be made', { error });
  }
}
