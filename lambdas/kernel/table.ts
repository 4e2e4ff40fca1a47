import { setTimeout as pause } from 'node:timers/promises';
import {
  BatchGetCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import { noteRead } from './deed';
import { documents } from './documents';
import { env } from './env';
import { type Change, type Condition, changedBy, Expression } from './expression';
import { busy } from './problem';

export interface Key {
  pk: string;
  sk: string;
}
export type Item = Key & Record<string, unknown>;

/** Calls in a row that give nothing of what they are asked for, before a reader gives up. */
const FRUITLESS_CALLS = 5;

/** One write, ready for a transaction or for itself. */
export type Write = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** The secondary indexes of tables, as far as one has them, each over `<name>pk` and `<name>sk`, with whole items. */
export type Index = 'gsi1' | 'gsi2' | 'gsi3' | 'gsi4';

/** What a write makes of its item. */
export interface Effect {
  tableName: string;
  key: Key;
  /** Holds only where there is no item yet. */
  isNew: boolean;
  after: (before: Record<string, unknown> | undefined) => Record<string, unknown> | undefined;
}

const effects = new WeakMap<Write, Effect>();

/** What a write of this module makes of its item; undefined for a condition. */
export const effectOf = (write: Write): Effect | undefined => effects.get(write);

function withEffect(write: Write, effect: Effect): Write {
  effects.set(write, effect);
  return write;
}

export interface Range {
  index?: Index;
  partition: string;
  /** Sort keys that begin so. */
  prefix?: string;
  /** Sort keys from here on, inclusive. */
  from?: string;
  /** Sort keys up to here, inclusive. */
  to?: string;
  /** Smallest sort key first; newest first otherwise. */
  ascending?: boolean;
  limit?: number;
  startKey?: Record<string, unknown> | undefined;
  /** Sees every write that was answered before; twice the price, and not for an index. @default false */
  consistent?: boolean;
  /** Filters what was read; what it drops was still paid for. */
  where?: Condition;
}

function rangeInput(TableName: string, range: Range) {
  const { index, partition, prefix, from, to, ascending = false, limit, startKey, consistent, where } = range;
  const expression = new Expression();
  const sk = index ? `${index}sk` : 'sk';
  const keys = [expression.compare(index ? `${index}pk` : 'pk', '=', partition)];
  if (prefix !== undefined) keys.push(expression.beginsWith(sk, prefix));
  else if (from !== undefined && to !== undefined) keys.push(expression.between(sk, from, to));
  else if (from !== undefined) keys.push(expression.compare(sk, '>=', from));
  else if (to !== undefined) keys.push(expression.compare(sk, '<=', to));
  const filter = where && expression.condition(where);
  return {
    TableName,
    ...(index && { IndexName: index }),
    ...(consistent && { ConsistentRead: true }),
    KeyConditionExpression: keys.join(' AND '),
    ...(filter && { FilterExpression: filter }),
    ...expression.placeholders(),
    ScanIndexForward: ascending,
    ...(limit && { Limit: limit }),
    ...(startKey && { ExclusiveStartKey: startKey }),
  };
}

/**
 * The access to one table, named by the environment variable that holds its name. What is read goes through a schema,
 * for an item may be of an older shape. Nothing here scans.
 */
export const table = (variable = 'TABLE_NAME') => ({
  /** The item or undefined. One strongly consistent read (`eventual`: half of it). */
  async find<S extends z.ZodType>(schema: S, key: Key, eventual = false): Promise<z.output<S> | undefined> {
    const command = new GetCommand({ TableName: env(variable), Key: key, ConsistentRead: !eventual });
    const { Item } = await documents.send(command);
    noteRead(env(variable), key, Item);
    return Item && schema.parse(Item);
  },

  /** Those of up to 100 items that exist, in no order. One read each, one call; more when they hold over 16 MB. */
  async findMany<S extends z.ZodType>(schema: S, keys: Key[]): Promise<z.output<S>[]> {
    const found: z.output<S>[] = [];
    let Keys: Record<string, unknown>[] = keys.map((key) => ({ ...key }));
    for (let fruitless = 0; Keys.length; ) {
      const { Responses, UnprocessedKeys } = await documents.send(
        new BatchGetCommand({ RequestItems: { [env(variable)]: { Keys, ConsistentRead: true } } }),
      );
      for (const item of Responses?.[env(variable)] ?? []) {
        noteRead(env(variable), item, item);
        found.push(schema.parse(item));
      }
      const left = UnprocessedKeys?.[env(variable)]?.Keys ?? [];
      fruitless = left.length < Keys.length ? 0 : fruitless + 1;
      if (fruitless > FRUITLESS_CALLS) throw busy('too much is being read at once, try again');
      if (left.length) await pause(Math.random() * 25 * 2 ** fruitless);
      Keys = left;
    }
    return found;
  },

  /** One call's worth of a range (at most `limit` items, at most 1 MB) and the key to go on from. */
  async query<S extends z.ZodType>(
    schema: S,
    range: Range,
  ): Promise<{ items: z.output<S>[]; lastKey: Record<string, unknown> | undefined }> {
    const { from, to } = range;
    // DynamoDB refuses a range that ends before it begins
    if (from !== undefined && to !== undefined && from > to) return { items: [], lastKey: undefined };
    const { Items = [], LastEvaluatedKey } = await documents.send(new QueryCommand(rangeInput(env(variable), range)));
    return { items: Items.map((item) => schema.parse(item)), lastKey: LastEvaluatedKey };
  },

  /** A write of a whole item. */
  put(item: Item, when: Condition = {}): Write {
    const expression = new Expression();
    const condition = expression.condition(when);
    const tableName = env(variable);
    const write = {
      Put: {
        TableName: tableName,
        Item: item,
        ...(condition && { ConditionExpression: condition }),
        ...expression.placeholders(),
      },
    };
    return withEffect(write, { tableName, key: item, isNew: when.exists === false, after: () => item });
  },

  /** A write of some attributes. Without `exists: true` it makes the item when it is not there. */
  update(key: Key, change: Change, when: Condition = {}): Write {
    const expression = new Expression();
    const condition = expression.condition(when);
    const tableName = env(variable);
    const write = {
      Update: {
        TableName: tableName,
        Key: key,
        UpdateExpression: expression.update(change),
        ...(condition && { ConditionExpression: condition }),
        ...expression.placeholders(),
      },
    };
    return withEffect(write, { tableName, key, isNew: false, after: (before) => changedBy(change, before) });
  },

  delete(key: Key, when: Condition = {}): Write {
    const expression = new Expression();
    const condition = expression.condition(when);
    const tableName = env(variable);
    const write = {
      Delete: {
        TableName: tableName,
        Key: key,
        ...(condition && { ConditionExpression: condition }),
        ...expression.placeholders(),
      },
    };
    return withEffect(write, { tableName, key, isNew: false, after: () => undefined });
  },

  /** A condition on an item that the transaction does not write. */
  check(key: Key, when: Condition): Write {
    const expression = new Expression();
    const ConditionExpression = expression.condition(when) ?? '';
    return {
      ConditionCheck: { TableName: env(variable), Key: key, ConditionExpression, ...expression.placeholders() },
    };
  },
});

/**
 * A write by itself: half the write units of a transaction. The SDK repeats it when its answer is lost: what adds or appends
 * is for `commit`. Throws `ConditionalCheckFailedException`.
 */
export async function writeOne({ Put, Update, Delete }: Write): Promise<void> {
  if (Put) await documents.send(new PutCommand(Put));
  else if (Update) await documents.send(new UpdateCommand(Update as ConstructorParameters<typeof UpdateCommand>[0]));
  else if (Delete) await documents.send(new DeleteCommand(Delete));
  else throw new Error('a condition check needs a transaction');
}
