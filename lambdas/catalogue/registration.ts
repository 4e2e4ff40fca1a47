import { secondsAfter, timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { isOperator } from '../kernel/contract';
import type { Condition } from '../kernel/expression';
import type { Handler } from '../kernel/http';
import { notFound } from '../kernel/problem';
import { table } from '../kernel/table';
import type { Operations } from './contract';
import { registerProduct, ServiceFailure } from './offers-service';
import { getStored, productKey } from './products';
import { findRegistration, registerLater, registrationKey, type StoredRegistration } from './registration-items';
import type { OffersStatus, Product, RegistrationTurn } from './schema';
import { findWatch, newWatch } from './watch';

const registrations = table();

/** Seconds between attempts; the last one again and again, for a product is not given up because a neighbour is down. */
const DELAYS = [2, 5, 15, 30, 60, 120, 300, 600, 900];
const JITTER = 0.2;

const delayAfter = (attempts: number, atLeast: number): number => {
  const delay = DELAYS[Math.min(attempts, DELAYS.length) - 1] ?? 0;
  return Math.max(atLeast, delay * (1 + JITTER * (2 * Math.random() - 1)));
};

async function failureOf({ id, name, description }: Product): Promise<ServiceFailure | undefined> {
  try {
    await registerProduct({ id, name, description });
    return undefined;
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    throw error;
  }
}

/**
 * Makes the attempt of a registration's turn. Known already (409) is success; a product that the service refuses (422) has
 * failed for good until it is changed, and one that was changed meanwhile is tried as it is now; after any other failure the next attempt is made after a growing delay, up to every
 * quarter of an hour, for as long as it takes. A message of another turn changes nothing. Three reads, one transaction.
 */
export async function register({ product, turn }: RegistrationTurn): Promise<void> {
  const key = registrationKey(product);
  const registration = await findRegistration(product);
  if (!registration || registration.turn !== turn || registration.state === 'registered') return;
  const asked = await getStored(product);
  const failure = await failureOf(asked);
  const at = timestamp();
  const attempts = registration.attempts + 1;
  const note = (set: Partial<StoredRegistration>) =>
    registrations.update(key, { set: { attempts, updated_at: at, ...set } }, { equals: { turn } });
  const mark = (offers_status: OffersStatus, offers_error: string | null, when: Condition = { exists: true }) =>
    registrations.update(productKey(product), { set: { offers_status, offers_error } }, when);

  if (!failure) {
    const done = note({
      state: 'registered',
      registered_at: at,
      next_attempt_at: null,
      last_error: null,
      turn: turn + 1,
    });
    const watch = await findWatch(product);
    // of one that the service had forgotten, the next refresh says whether it is well again
    await commitIf({ writes: [done, ...(watch ? [] : [mark('active', null), newWatch(product, at)])] });
  } else if (failure.failure === 'refused') {
    const failed = note({ state: 'failed', next_attempt_at: null, last_error: failure.message, turn: turn + 1 });
    const refused = mark('error', `registration: ${failure.message}`, { equals: { version: asked.version } });
    if (!(await commitIf({ writes: [failed, refused] }))) await register({ product, turn });
  } else {
    const next_attempt_at = secondsAfter(at, delayAfter(attempts, failure.retryAfterSeconds));
    await commitIf({
      writes: [note({ next_attempt_at, last_error: `${failure.failure}: ${failure.message}`, turn: turn + 1 })],
      emit: [registerLater({ product, turn: turn + 1 }, next_attempt_at)],
    });
  }
}

/** One read; two for a product of somebody else, which is not found. */
export const getRegistration: Handler<Operations['getRegistration']> = async ({ params: { id }, principal }) => {
  const [registration, product] = await Promise.all([findRegistration(id), getStored(id)]);
  if (!registration || !(product.owner === principal.id || isOperator(principal))) throw notFound('registration');
  return registration;
};
