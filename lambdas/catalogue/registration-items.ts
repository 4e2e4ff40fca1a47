import * as z from 'zod';
import type { Outgoing } from '../kernel/outbox';
import { type Key, table, type Write } from '../kernel/table';
import { Registration, type RegistrationTurn } from './schema';

/** The registration with its `turn`: the number of the message that may work on it. */
export const StoredRegistration = Registration.extend({ turn: z.int() });
export type StoredRegistration = z.output<typeof StoredRegistration>;

export const registrationKey = (product: string): Key => ({ pk: `PRODUCT#${product}`, sk: 'REGISTRATION' });

/** The message that works on a registration. */
export const registerLater = (message: RegistrationTurn, due_at?: string): Outgoing => ({
  queue: 'CATALOGUE_REGISTRATIONS',
  message,
  ...(due_at !== undefined && { due_at }),
});

/** A product's registration as it begins, for the transaction that stores the product. */
export function newRegistration(product: string, at: string): { write: Write; emit: Outgoing } {
  const registration: StoredRegistration = {
    id: product,
    product,
    state: 'pending',
    attempts: 0,
    last_error: null,
    next_attempt_at: at,
    registered_at: null,
    created_at: at,
    updated_at: at,
    turn: 1,
  };
  return {
    write: table().put({ ...registrationKey(product), ...registration }, { exists: false }),
    emit: registerLater({ product, turn: 1 }),
  };
}

/** A registration that had ended, begun anew with what its product is now: for the transaction that has the reason. */
export function restartedRegistration(
  { product, turn, state }: StoredRegistration,
  at: string,
): { write: Write; emit: Outgoing } {
  const set: Partial<StoredRegistration> = { state: 'pending', next_attempt_at: at, updated_at: at, turn: turn + 1 };
  return {
    write: table().update(registrationKey(product), { set }, { equals: { turn, state } }),
    emit: registerLater({ product, turn: turn + 1 }),
  };
}

export const findRegistration = (product: string): Promise<StoredRegistration | undefined> =>
  table().find(StoredRegistration, registrationKey(product));
