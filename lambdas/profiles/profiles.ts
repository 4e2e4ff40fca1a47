import type * as z from 'zod';
import type { Handler } from '../kernel/http';
import { shards } from '../kernel/id';
import { type ListCall, mergedPage } from '../kernel/page';
import { notFound } from '../kernel/problem';
import type { ProfilesContract } from './contract';
import { deletePerson } from './link';
import { byAssignment, findPerson, KIND, type Part, Stored, sortKeyOf, tables } from './records';
import { type Address, type CreditCard, RESOURCES, type User } from './schema';
import { searchUsers } from './search';

type Verbs = typeof ProfilesContract;

const OURS_OF_A_USER = ['created_at', 'updated_at', 'address', 'credit_cards'];
const OURS_OF_A_PART = ['created_at', 'updated_at', 'user', 'linked_at'];

/** The source's fields: one with the name of ours is shown as `source_…`, so that neither takes the other's place. */
const fieldsOf = ({ record }: Stored, ours: readonly string[]) =>
  Object.fromEntries(
    Object.entries(JSON.parse(record) as Record<string, unknown>).map(([name, value]) => [
      ours.includes(name) ? `source_${name}` : name,
      value,
    ]),
  );

function shownUser(stored: Stored): z.input<typeof User> {
  const { uid, created_at, updated_at } = stored;
  return { ...fieldsOf(stored, OURS_OF_A_USER), uid, created_at, updated_at } as z.input<typeof User>;
}

function shownPart<T extends typeof Address | typeof CreditCard>(stored: Stored): z.input<T> {
  const { uid, created_at, updated_at, user = null, linked_at = null } = stored;
  const ours = { created_at, updated_at, user, linked_at };
  return { ...fieldsOf(stored, OURS_OF_A_PART), uid, ...ours } as unknown as z.input<T>;
}

export const listProfileUsers: Handler<Verbs['listProfileUsers']> = async (call) => {
  const { results, next } = call.query.search
    ? await searchUsers(call, call.query.search)
    : await mergedPage(tables.users, Stored, call, {
        index: 'gsi1',
        partitions: shards(KIND.users),
        sortKey: sortKeyOf,
      });
  return { results: results.map(shownUser), next };
};

/** One call for the user with address and card. */
export const getProfileUser: Handler<Verbs['getProfileUser']> = async ({ params }) => {
  const { users: user, addresses: address, credit_cards: card } = await findPerson(params.uid, RESOURCES);
  if (!user) throw notFound('user');
  return {
    ...shownUser(user),
    address: address ? shownPart<typeof Address>(address) : null,
    credit_cards: card ? [shownPart<typeof CreditCard>(card)] : [],
  };
};

export const deleteProfileUser: Handler<Verbs['deleteProfileUser']> = async ({ params }) => {
  await deletePerson(params.uid);
  return undefined;
};

async function listParts(part: Part, call: ListCall & { query: { assigned?: 'true' | 'false' | undefined } }) {
  const { assigned } = call.query;
  const range = assigned
    ? { index: 'gsi2' as const, partitions: shards(byAssignment(part, assigned === 'true')) }
    : { index: 'gsi1' as const, partitions: shards(KIND[part]) };
  return mergedPage(tables[part], Stored, call, { ...range, sortKey: sortKeyOf });
}

async function getPart(part: Part, uid: string, name: string): Promise<Stored> {
  const { [part]: stored } = await findPerson(uid, [part]);
  if (!stored) throw notFound(name);
  return stored;
}

export const listAddresses: Handler<Verbs['listAddresses']> = async (call) => {
  const { results, next } = await listParts('addresses', call);
  return { results: results.map(shownPart<typeof Address>), next };
};
export const getAddress: Handler<Verbs['getAddress']> = async ({ params }) =>
  shownPart<typeof Address>(await getPart('addresses', params.uid, 'address'));

export const listCreditCards: Handler<Verbs['listCreditCards']> = async (call) => {
  const { results, next } = await listParts('credit_cards', call);
  return { results: results.map(shownPart<typeof CreditCard>), next };
};
export const getCreditCard: Handler<Verbs['getCreditCard']> = async ({ params }) =>
  shownPart<typeof CreditCard>(await getPart('credit_cards', params.uid, 'credit card'));
