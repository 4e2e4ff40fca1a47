import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { expiry } from '../kernel/clock';
import { documents } from '../kernel/documents';
import { env } from '../kernel/env';
import { isKind, records } from './people';
import type { Answer, Request } from './stand-in';

const MOST = 100;
/** Answers a second; then the service asks to retry later, as the real one does, with status 200. */
const A_SECOND = 5;

/** Adds to a number in the sandbox's table. @returns what it is then */
async function count(pk: string, by: number, expiresAt?: number): Promise<number> {
  const { Attributes } = await documents.send(
    new UpdateCommand({
      TableName: env('TABLE_NAME'),
      Key: { pk, sk: 'COUNT' },
      UpdateExpression: `ADD #count :by${expiresAt ? ' SET expires_at = :expires' : ''}`,
      ExpressionAttributeNames: { '#count': 'count' },
      ExpressionAttributeValues: { ':by': by, ...(expiresAt && { ':expires': expiresAt }) },
      ReturnValues: 'UPDATED_NEW',
    }),
  );
  return Number(Attributes?.['count']);
}

/**
 * The Random Data API, version 2: people, their addresses and their cards. Each call goes on where the last one of its kind
 * ended, all kinds through the same people; some addresses and cards are of nobody, some records come again, changed.
 * Without `size` one object. Two writes a call.
 */
export async function randomData({ method, path, query }: Request): Promise<Answer> {
  const kind = /^\/api\/v2\/(\w+)$/.exec(path)?.[1] ?? '';
  if (!isKind(kind) || method !== 'GET') return { status: 404, body: { status: 404, error: 'Not Found' } };
  const second = Math.floor(Date.now() / 1_000);
  if ((await count(`RANDOM_DATA#SECOND#${second}`, 1, expiry(60))) > A_SECOND) {
    return { status: 200, body: 'Retry later\n' };
  }
  const asked = Number(query['size'] ?? 1);
  const size = Number.isInteger(asked) ? Math.min(MOST, Math.max(1, asked)) : 1;
  const start = (await count(`RANDOM_DATA#${kind}`, size)) - size;
  const batch = records(kind, start, size);
  return { status: 200, body: query['size'] === undefined ? batch[0] : batch };
}
