import {
  type AttributeValue,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  paginateListTables,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import { OUTBOX } from '../lambdas/kernel/names';
import { clientConfig } from './deployment';

/** Longer than the relay ever is behind. */
const BEHIND_SECONDS = 120;

type Item = Record<string, AttributeValue>;

/** The items of a table's outbox that were made within the last two minutes of its activity, by the machine's clock. */
async function lastOutbox(client: DynamoDBClient, TableName: string): Promise<Item[]> {
  const items: Item[] = [];
  const scan = {
    TableName,
    FilterExpression: 'sk = :outbox',
    ExpressionAttributeValues: { ':outbox': { S: OUTBOX } },
  };
  for await (const { Items = [] } of paginateScan({ client }, scan)) items.push(...Items);
  // kept equally long, each goes as long after another as it came; `created_at` follows the clock that can be moved
  const goes = (item: Item) => Number(item['expires_at']?.N ?? 0);
  const last = items.reduce((latest, item) => Math.max(latest, goes(item)), 0);
  return items.filter((item) => goes(item) >= last - BEHIND_SECONDS);
}

/**
 * Sends again what was stored last before the emulator stopped. MiniStack keeps tables and queues, but not the streams
 * between them: what the relay had not read yet would never be sent. Some of it was sent already; every consumer is
 * safe to run twice. Reads whole tables, which only an emulator's own are small enough for.
 * @returns how many items of outboxes were written anew
 */
export async function resendUnsent(port: number): Promise<number> {
  const client = new DynamoDBClient(clientConfig(port));
  let count = 0;
  for await (const { TableNames = [] } of paginateListTables({ client }, {})) {
    for (const TableName of TableNames) {
      for (const item of await lastOutbox(client, TableName)) {
        const { pk, sk } = item;
        if (!pk || !sk) continue;
        // the new one first: a command ended between the two sends once more, never once less
        await client.send(new PutItemCommand({ TableName, Item: { ...item, pk: { S: `${pk.S}+` } } }));
        await client.send(new DeleteItemCommand({ TableName, Key: { pk, sk } }));
        count++;
      }
    }
  }
  return count;
}
