import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { expiry, now } from './clock';
import { currentDeed, type Deed, itemName } from './deed';
import { documents } from './documents';
import { env, findEnv } from './env';
import { newIdAt, shardOf } from './id';
import { type Effect, effectOf, table, type Write } from './table';

type Fields = Record<string, unknown>;

/** What never lands in the trail, whatever a contract shows: of such a field only its name is told when it changed. */
const SECRET = /pass(word|phrase)|secret|token|hash|credential|signature|private/i;

/** A longer value is cut: the trail says what changed, it is no second store. */
const MOST_CHARACTERS = 4_000;
const KEPT_CHARACTERS = 500;

function cut(value: unknown): unknown {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  if (text.length <= MOST_CHARACTERS) return value;
  return `${text.slice(0, KEPT_CHARACTERS)}… (cut, ${text.length} characters)`;
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Some fields of an item, null for no item. */
const pick = (item: Fields | undefined, names: string[]): Fields | null =>
  item
    ? Object.fromEntries(names.flatMap((name) => (item[name] === undefined ? [] : [[name, cut(item[name])]])))
    : null;

/** An item with anything to tell: what a deleted one leaves behind has nothing. */
const telling = (item: Fields | undefined, shows: ReadonlySet<string>): Fields | undefined =>
  item && Object.keys(item).some((name) => shows.has(name)) ? item : undefined;

/** Both sides of a change: of a new or deleted item all that may be told, else what differs. */
function sides(was: Fields | undefined, is: Fields | undefined, shows: ReadonlySet<string>) {
  const [before, after] = [telling(was, shows), telling(is, shows)];
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => !before || !after || !isSame(before[name], after[name]));
  const told = changed.filter((name) => shows.has(name) && !SECRET.test(name));
  const withheld = changed.filter((name) => SECRET.test(name));
  return { before: pick(before, told), after: pick(after, told), withheld };
}

async function stored({ tableName, key: { pk, sk } }: Effect): Promise<Fields | undefined> {
  const command = new GetCommand({ TableName: tableName, Key: { pk, sk }, ConsistentRead: true });
  return (await documents.send(command)).Item;
}

const SECONDS_A_DAY = 86_400;

function entry(deed: Deed, entity_id: string, change: ReturnType<typeof sides>): Write {
  const { who, operation, method, path, request_id, bulk_id = null } = deed;
  const [entity] = deed.entity;
  const context = env('CONTEXT');
  // one time for both: entries are cut by time through their ids
  const at = now();
  const id = newIdAt(at);
  const days = Number(findEnv('AUDIT_DAYS') ?? 0);
  return table('AUDIT_TABLE').put(
    {
      pk: `${entity}#${entity_id}`,
      sk: id,
      gsi1pk: shardOf('AUDIT', id),
      gsi1sk: id,
      gsi2pk: who.id,
      gsi2sk: id,
      gsi3pk: shardOf(entity, id),
      gsi3sk: id,
      gsi4pk: shardOf(context, id),
      gsi4sk: id,
      id,
      at: at.toISOString(),
      who,
      who_id: who.id,
      context,
      ...{ operation, method, path, entity, entity_id, request_id, bulk_id },
      ...change,
      ...(days > 0 && { expires_at: expiry(days * SECONDS_A_DAY) }),
    },
    { exists: false },
  );
}

/**
 * The entry in the audit trail for what a deed is about to write: the first of the writes is what it is about. Nothing
 * outside a deed. Where the verb did not read the item before, one read.
 */
export async function auditWrites(writes: Write[]): Promise<Write[]> {
  const deed = currentDeed();
  const [effect] = writes.flatMap((write) => effectOf(write) ?? []);
  if (!deed || !effect) return [];
  const name = itemName(effect.tableName, effect.key);
  const before = effect.isNew ? undefined : deed.read.has(name) ? deed.read.get(name) : await stored(effect);
  const after = effect.after(before);
  const [, field] = deed.entity;
  const keyed = effect.key.pk.slice(effect.key.pk.indexOf('#') + 1);
  const entityId = deed.params[field] ?? after?.[field] ?? before?.[field] ?? keyed;
  return [entry(deed, String(entityId), sides(before, after, deed.shows))];
}
