import { timestamp } from '../kernel/clock';
import { type Commit, ConditionFailed, commit } from '../kernel/commit';
import type { Idempotency } from '../kernel/idempotency';
import { busy, notFound } from '../kernel/problem';
import type { Write } from '../kernel/table';
import {
  allIndex,
  assignment,
  findPerson,
  keyOf,
  nameIndexes,
  PARTS,
  type Part,
  type Person,
  type Stored,
  tables,
} from './records';
import { RESOURCES, type Resource, type SourceRecord } from './schema';

/**
 * Every write here is one transaction that keeps this true of everything stored under one uid:
 *
 *   an address or a card has a user exactly if that user is stored.
 *
 * A new record's transaction looks at the other side as well: it sets the link when that is there, and holds on to its
 * absence when it is not, by a condition. Of two that arrive at once, one fails by its condition, reads again and finds the
 * other. There is no moment between storing and linking in which a process could die. See docs/decisions/linking.md.
 */
export interface Step {
  writes: Write[];
  created: boolean;
  /** Links that the writes make. */
  linked: number;
}

/** Of the other side: what a record of a resource has to look at. */
export const around = (resource: Resource): readonly Resource[] =>
  resource === 'users' ? RESOURCES : [resource, 'users'];

const link = (part: Part, stored: Stored, at: string): Write =>
  tables[part].update(
    keyOf(stored.uid),
    { set: assignment(part, stored, at) },
    { exists: true, equals: { user: undefined } },
  );

const unlink = (part: Part, stored: Stored): Write =>
  tables[part].update(
    keyOf(stored.uid),
    { set: assignment(part, stored, undefined) },
    { exists: true, equals: { user: stored.user } },
  );

/** The write of what came again; none when nothing changed or a newer answer was stored before. */
function refreshed(resource: Resource, stored: Stored, record: SourceRecord, text: string, at: string): Write[] {
  if (stored.record === text || stored.fetched_at >= at) return [];
  const set = {
    record: text,
    fetched_at: at,
    updated_at: timestamp(),
    ...(resource === 'users' && nameIndexes(record)),
  };
  return [tables[resource].update(keyOf(stored.uid), { set }, { exists: true, below: { fetched_at: at } })];
}

function newItem(resource: Resource, record: SourceRecord, text: string, at: string) {
  const { uid } = record;
  const created_at = timestamp();
  const fields = { uid, record: text, fetched_at: at, created_at, updated_at: created_at };
  return { ...keyOf(uid), ...allIndex(resource, uid, created_at), ...fields };
}

function userStep(person: Person, record: SourceRecord, text: string, at: string): Step {
  const { users: stored } = person;
  const isNew = { exists: false };
  const own = stored
    ? refreshed('users', stored, record, text, at)
    : [tables.users.put({ ...newItem('users', record, text, at), ...nameIndexes(record) }, isNew)];
  const links = PARTS.flatMap((part) => {
    const found = person[part];
    return found && !found.user ? [link(part, found, timestamp())] : [];
  });
  // a part that is not there yet must not come between; once the user is there, the part itself looks for it
  const absent = stored ? [] : PARTS.filter((part) => !person[part]);
  const checks = absent.map((part) => tables[part].check(keyOf(record.uid), isNew));
  // links of a user who was there before hold only while it stays
  if (stored && !own.length && links.length) own.push(tables.users.check(keyOf(record.uid), { exists: true }));
  return { writes: [...own, ...links, ...checks], created: !stored, linked: links.length };
}

function partStep(part: Part, person: Person, record: SourceRecord, text: string, at: string): Step {
  const { users: user, [part]: stored } = person;
  const userCheck = tables.users.check(keyOf(record.uid), { exists: Boolean(user) });
  if (stored) {
    const own = refreshed(part, stored, record, text, at);
    return { writes: own, created: false, linked: 0 };
  }
  const item = newItem(part, record, text, at);
  const put = tables[part].put({ ...item, ...assignment(part, item, user && item.created_at) }, { exists: false });
  return { writes: [put, userCheck], created: true, linked: user ? 1 : 0 };
}

/** What has to be written for a record that the source gave `at` a time, seeing what is stored under its uid. */
export function stepFor(resource: Resource, person: Person, record: SourceRecord, at: string): Step {
  const text = JSON.stringify(record);
  return resource === 'users' ? userStep(person, record, text, at) : partStep(resource, person, record, text, at);
}

/** Others can write the same three items only so often: user, address, card, each in a few runs at once. */
const TRIES = 10;

async function untilHeld<T extends Pick<Commit, 'writes' | 'idempotency'>>(
  next: (again: boolean) => Promise<T>,
): Promise<T> {
  for (let tried = 0; tried < TRIES; tried++) {
    const step = await next(tried > 0);
    try {
      if (step.writes.length) await commit(step);
      return step;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }
  throw busy('the same person is being changed by others, try again');
}

interface StoreOptions {
  seen?: Person | undefined;
  first?: Write[];
  remember?: (step: Step) => Idempotency | undefined;
}

/**
 * Stores a record and makes its links, all or nothing. Safe to repeat.
 * Costs 2 writes for a new address or card, 3 for a new user, in a transaction (twice the units); 1 for a changed record
 * and none for one that is as it was.
 * `seen` is what was read of its uid before; read here when undefined. `first` are writes that belong to it; `remember` gives
 * the call's `Idempotency-Key` with the answer about a step.
 */
export const store = (
  resource: Resource,
  record: SourceRecord,
  at: string,
  { seen, first = [], remember = () => undefined }: StoreOptions = {},
): Promise<Step> =>
  untilHeld(async (again) => {
    const person = again || !seen ? await findPerson(record.uid, around(resource)) : seen;
    const step = stepFor(resource, person, record, at);
    return { ...step, writes: [...first, ...step.writes], idempotency: remember(step) };
  });

/** Deletes a user and takes it from its address and card, all or nothing. @throws Problem 404 */
export const deletePerson = (uid: string) =>
  untilHeld(async () => {
    const person = await findPerson(uid, RESOURCES);
    if (!person.users) throw notFound('user');
    const parts = PARTS.map((part) => {
      const stored = person[part];
      return stored ? unlink(part, stored) : tables[part].check(keyOf(uid), { exists: false });
    });
    return { writes: [tables.users.delete(keyOf(uid), { exists: true }), ...parts] };
  });
