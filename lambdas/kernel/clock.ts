import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from './documents';
import { findEnv } from './env';

/** The item of the timers table that holds how far the clock of a local stage was moved. */
export const CLOCK_KEY = { pk: 'CLOCK', sk: 'CLOCK' };
const FRESH_MS = 1_000;

let offsetMs = 0;
let readAt = Number.NEGATIVE_INFINITY;

/** The time by which the product acts. In a local stage it can be moved; elsewhere it is the machine's. */
export const now = (): Date => new Date(Date.now() + offsetMs);

/** The same as RFC 3339 in UTC with milliseconds: sorts as text. */
export const timestamp = (): string => now().toISOString();

/** `at` plus some seconds, as RFC 3339. */
export const secondsAfter = (at: Date | string, seconds: number): string =>
  new Date(new Date(at).getTime() + seconds * 1_000).toISOString();

/** Unix seconds, as DynamoDB's time to live wants them. Real time: DynamoDB's own clock cannot be moved. */
export const expiry = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

/** The next `syncClock` reads, however fresh what it read before is. */
export const forgetClock = (): void => {
  readAt = Number.NEGATIVE_INFINITY;
};

/**
 * Takes over a moved clock. Entry points call it once an invocation; costs nothing without `CLOCK_TABLE`
 * (set in local stages only), else at most one read a second.
 */
export async function syncClock(): Promise<void> {
  const TableName = findEnv('CLOCK_TABLE');
  if (!TableName || Date.now() - readAt < FRESH_MS) return;
  readAt = Date.now();
  const { Item } = await documents.send(new GetCommand({ TableName, Key: CLOCK_KEY }));
  offsetMs = Number(Item?.['offset_ms'] ?? 0);
}
