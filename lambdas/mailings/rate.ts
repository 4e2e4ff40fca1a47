import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { documents } from '../kernel/documents';
import { env } from '../kernel/env';
import { table } from '../kernel/table';

const KEY = { pk: 'RATE', sk: 'RATE' };
const Pointer = z.object({ free_at: z.number() });

/** Sends a second at the most, over all functions and mailings; undefined when nothing limits them. */
export function rate(): number | undefined {
  const perSecond = Number(env('SEND_RATE_PER_SECOND'));
  return perSecond > 0 ? perSecond : undefined;
}

/** The milliseconds between two sends at this rate. */
export const spacingMs = (): number => 1_000 / (rate() ?? Number.POSITIVE_INFINITY);

/** How many recipients one message of the queue holds: a quarter of a second's worth, 50 at the most. */
const MOST_A_CHUNK = 50;
export const chunkSize = (): number => Math.min(MOST_A_CHUNK, Math.ceil((rate() ?? Number.POSITIVE_INFINITY) / 4));

/** How far ahead of now all slots are taken, in milliseconds. One read of half a unit. */
export async function backlogMs(): Promise<number> {
  if (rate() === undefined) return 0;
  const pointer = await table().find(Pointer, KEY, true);
  return Math.max(0, (pointer?.free_at ?? 0) - Date.now());
}

async function advance(ms: number, atLeast: number, behind: boolean): Promise<number | undefined> {
  try {
    const { Attributes } = await documents.send(
      new UpdateCommand({
        TableName: env('TABLE_NAME'),
        Key: KEY,
        UpdateExpression: behind ? 'SET free_at = :next' : 'SET free_at = free_at + :ms',
        ConditionExpression: behind ? 'attribute_not_exists(free_at) OR free_at < :now' : 'free_at >= :now',
        ExpressionAttributeValues: { ':now': atLeast, ...(behind ? { ':next': atLeast + ms } : { ':ms': ms }) },
        ReturnValues: 'UPDATED_NEW',
      }),
    );
    return Number(Attributes?.['free_at']) - ms;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

/**
 * Takes the next slots for some sends: the machine's time in milliseconds from which on they may go, evenly spaced. One
 * pointer for all functions says when the next slot is free (virtual scheduling, ITU-T I.371), so that together they never
 * exceed the rate. One write of one unit, a second one when the pointer had fallen behind.
 */
export async function reserve(sends: number): Promise<number> {
  if (rate() === undefined) return Date.now();
  const ms = sends * spacingMs();
  for (;;) {
    const at = Date.now();
    const slot = (await advance(ms, at, false)) ?? (await advance(ms, at, true));
    if (slot !== undefined) return slot;
  }
}
