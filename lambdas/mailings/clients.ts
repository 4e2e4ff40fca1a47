import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { type Commit, ConditionFailed, commit } from '../kernel/commit';
import { newId, shardOf } from '../kernel/id';
import { type ListCall, mergedPage } from '../kernel/page';
import { conflict, invalid, notFound, Problem } from '../kernel/problem';
import type { Key, Write } from '../kernel/table';
import { byOperator, byTag, CLIENTS, clients, segmentsOf } from './audience';
import { withDeed } from './history';
import { Client, type ClientChange, type ClientQuery, Deed, type NewClient } from './schema';

export const StoredClient = Client.extend({
  /** Counts the writes. */
  version: z.int(),
  history: z.array(Deed),
});
export type StoredClient = z.output<typeof StoredClient>;

export const clientKey = (id: string): Key => ({ pk: `CLIENT#${id}`, sk: 'CLIENT' });
/** Whose a phone number is: there is one such item for each number. */
export const phoneKey = (phone: string): Key => ({ pk: `PHONE#${phone}`, sk: 'PHONE' });
export const PhoneOwner = z.object({ phone_number: z.string(), client: z.string() });

/** @throws Problem 422 when the operator code is not that of the phone number */
function operatorOf(phone: string, given: string | undefined): string {
  const code = phone.slice(1, 4);
  if (given === undefined || given === code) return code;
  throw invalid([{ path: 'operator_code', message: `expected ${code}, digits 2 to 4 of the phone number` }]);
}

/** A client who is not stored yet. */
export function newClient({ operator_code, ...fields }: NewClient, by: string, what = 'created'): StoredClient {
  const at = timestamp();
  return {
    id: newId(),
    ...fields,
    operator_code: operatorOf(fields.phone_number, operator_code),
    created_at: at,
    updated_at: at,
    version: 0,
    history: withDeed([], by, what),
  };
}

/** A client as it becomes; the very same object when nothing changes. */
export function changedClient(before: StoredClient, change: ClientChange, by: string, what = 'changed'): StoredClient {
  const phone_number = change.phone_number ?? before.phone_number;
  const after = {
    ...before,
    phone_number,
    operator_code: operatorOf(phone_number, change.operator_code),
    tag: change.tag === undefined ? before.tag : change.tag,
    timezone: change.timezone ?? before.timezone,
  };
  const fields = (['phone_number', 'tag', 'timezone'] as const).filter((name) => after[name] !== before[name]);
  if (!fields.length) return before;
  return { ...after, updated_at: timestamp(), history: withDeed(before.history, by, `${what}: ${fields.join(', ')}`) };
}

/** The writes that make, change or delete a client together with its phone number's item. One to three. */
export function clientWrites(before: StoredClient | undefined, after: StoredClient | undefined): Write[] {
  const id = (after ?? before)?.id ?? '';
  const condition = before ? { equals: { version: before.version } } : { exists: false };
  const own = after
    ? clients.put(
        {
          ...clientKey(id),
          gsi1pk: shardOf(CLIENTS, id),
          gsi1sk: id,
          ...(after.tag !== null && { gsi2pk: shardOf(byTag(after.tag), id), gsi2sk: `${after.operator_code}#${id}` }),
          gsi3pk: shardOf(byOperator(after.operator_code), id),
          gsi3sk: id,
          ...after,
          version: after.version + 1,
        },
        condition,
      )
    : clients.delete(clientKey(id), condition);
  if (before?.phone_number === after?.phone_number) return [own];
  return [
    own,
    ...(after
      ? [
          clients.put(
            { ...phoneKey(after.phone_number), phone_number: after.phone_number, client: id },
            { exists: false },
          ),
        ]
      : []),
    ...(before ? [clients.delete(phoneKey(before.phone_number), { equals: { client: id } })] : []),
  ];
}

const taken = () =>
  new Problem(409, 'another client has this phone number', {
    kind: 'taken',
    errors: [{ path: 'phone_number', message: 'is taken' }],
  });

/** @throws Problem 409 when the phone number is another's or the client was written since it was read */
async function save(
  before: StoredClient | undefined,
  after: StoredClient | undefined,
  rest: Omit<Commit, 'writes'> = {},
): Promise<void> {
  try {
    await commit({ writes: clientWrites(before, after), ...rest });
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
    throw error.index === 1 && after ? taken() : conflict('the client was changed by others, read it again');
  }
}

/** @throws Problem 404 */
export async function getClient(id: string): Promise<StoredClient> {
  const found = await clients.find(StoredClient, clientKey(id));
  if (!found) throw notFound('client');
  return found;
}

export async function addClient(fields: NewClient, by: string, remember: (client: Client) => Commit['idempotency']) {
  const client = newClient(fields, by);
  await save(undefined, client, { idempotency: remember(Client.parse(client)) });
  return client;
}

export async function changeClient(before: StoredClient, change: ClientChange, by: string): Promise<StoredClient> {
  const after = changedClient(before, change, by);
  if (after !== before) await save(before, after);
  return after;
}

/** Its messages stay, in the ledger and in the statistics. */
export const deleteClient = (client: StoredClient): Promise<void> => save(client, undefined);

interface ClientListCall extends ListCall {
  query: z.output<typeof ClientQuery>;
}

/** Newest first; with a tag, by operator code first, which is how they are stored. */
export function listClients(call: ClientListCall) {
  const { tag } = call.query;
  const segments = segmentsOf(call.query);
  return mergedPage(clients, Client, call, {
    index: segments[0]?.index ?? 'gsi1',
    partitions: segments.map(({ partition, prefix }) => ({ partition, prefix })),
    sortKey: ({ operator_code, id }: Client) => (tag === undefined ? id : `${operator_code}#${id}`),
  });
}
