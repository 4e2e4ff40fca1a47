import { AsyncLocalStorage } from 'node:async_hooks';

/** Who makes a change. */
export interface Actor {
  kind: 'user' | 'api_key' | 'anonymous' | 'system';
  /** The user's uuid or the key's id; else the same as `kind`. */
  id: string;
  name: string;
}

type Fields = Record<string, unknown>;

/** What somebody is doing, as the audit trail will tell it: whatever `commit` writes meanwhile is written with its entry. */
export interface Deed {
  who: Actor;
  /** The operation's name in its contract. */
  operation: string;
  method: string;
  path: string;
  request_id: string;
  /** The path's parameters. */
  params: Record<string, string>;
  /** The entity that is changed, and the field that names one. */
  entity: readonly [entity: string, field: string];
  /** The bulk action that it is a part of. */
  bulk_id?: string | undefined;
  /** The fields of items that may be told: those that the contract shows to readers. */
  shows: ReadonlySet<string>;
}

interface Running extends Deed {
  /** Items as the verb read them last, by table and key. */
  read: Map<string, Fields | undefined>;
}

const running = new AsyncLocalStorage<Running>();

/** Lets everything that `run` commits be told in the audit trail as part of a deed. */
export const during = <T>(deed: Deed, run: () => Promise<T>): Promise<T> =>
  running.run({ ...deed, read: new Map() }, run);

export const currentDeed = (): Running | undefined => running.getStore();

/** Names an item of any table. */
export const itemName = (tableName: string, { pk, sk }: { pk?: unknown; sk?: unknown }): string =>
  JSON.stringify([tableName, pk, sk]);

/** Remembers an item as it was read, or that there was none: it is what a change is told to have begun from. */
export const noteRead = (tableName: string, key: { pk?: unknown; sk?: unknown }, item: Fields | undefined): void => {
  running.getStore()?.read.set(itemName(tableName, key), item);
};
