import type { Handler } from '../kernel/http';
import { log } from '../kernel/log';
import { invalid } from '../kernel/problem';
import { untilWritten } from '../kernel/until-written';
import type { IdentityContract } from './contract';
import { makeFirstAdmin } from './first-admin';
import { hashPassword, isPassword } from './password';
import { passwordFlaw } from './schema';
import { newSession } from './sessions';
import { beginAttempt } from './throttle';
import { callingUser, newUser, save, shown } from './users';

type Verbs = typeof IdentityContract;

export const register: Handler<Verbs['register']> = async ({ body, idempotency }) => {
  await makeFirstAdmin(body.username);
  if (body.email) await makeFirstAdmin(body.email);
  const user = await newUser(body);
  const { tokens, write } = await newSession(user);
  const answer = { user: shown(user), ...tokens };
  await save(undefined, user, {
    writes: [write],
    idempotency: idempotency?.remember({ status: 201, body: answer, headers: {} }),
  });
  return answer;
};

export const getMe: Handler<Verbs['getMe']> = async ({ principal }) => shown(await callingUser(principal));

export const changeMe: Handler<Verbs['changeMe']> = async ({ body, principal, requireMatch }) => {
  if (body.email) await makeFirstAdmin(body.email);
  return untilWritten(async () => {
    const user = await callingUser(principal);
    requireMatch(user);
    const changed = { ...user, ...body };
    await save(user, changed);
    return shown(changed);
  });
};

export const changePassword: Handler<Verbs['changePassword']> = async ({ body, principal, address }) => {
  const { username } = await callingUser(principal);
  const attempt = await beginAttempt(username, address);
  const tokens = await untilWritten(async () => {
    const user = await callingUser(principal);
    if (!(await isPassword(body.old_password, user.password_hash))) {
      log('warn', 'change of password refused', { reason: 'wrong password', user: user.uuid, ...attempt.ids });
      throw invalid([{ path: 'old_password', message: 'is not your password' }]);
    }
    const flaw = passwordFlaw(body.new_password, [user.username, user.email]);
    if (flaw) {
      await attempt.succeed();
      throw invalid([{ path: 'new_password', message: flaw }]);
    }
    const changed = { ...user, password_hash: await hashPassword(body.new_password), epoch: user.epoch + 1 };
    const session = await newSession(changed);
    await save(user, changed, { writes: [session.write] });
    log('info', 'password changed', { user: user.uuid });
    return session.tokens;
  });
  await attempt.succeed();
  return tokens;
};
