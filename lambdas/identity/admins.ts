import * as z from 'zod';
import { conflict } from '../kernel/problem';
import { table, type Write } from '../kernel/table';

/** The active admins, in one item: written with each change among them, so that two cannot remove each other at once. */
const Admins = z.object({ users: z.array(z.string()), version: z.int() });

const admins = table();
const ADMINS = { pk: 'ADMINS', sk: 'ADMINS' };

/**
 * The write that makes a user one of the active admins or takes it from them, on the condition that nobody else changed
 * them since. @throws Problem 409 when none would be left
 */
export async function adminsWrite(user: string, isAdmin: boolean): Promise<Write> {
  const stored = await admins.find(Admins, ADMINS);
  const others = (stored?.users ?? []).filter((one) => one !== user);
  if (!isAdmin && !others.length) throw conflict('this is the last admin: make another one first', 'last-admin');
  return admins.put(
    { ...ADMINS, users: isAdmin ? [...others, user] : others, version: (stored?.version ?? 0) + 1 },
    stored ? { equals: { version: stored.version } } : { exists: false },
  );
}
