import * as z from 'zod';
import type { Condition } from '../kernel/expression';
import { table, type Write } from '../kernel/table';

/** What came of the records of a lane. */
export interface Outcomes {
  counted: number;
  duplicate: number;
  set_aside: number;
}

const LANES = 'LANES';

/** A shard of the stream with the sequence number up to which all is done, and what came of its records. */
export const Lane = z.object({
  sk: z.string(),
  sequence: z.string().optional(),
  /** How far the journal reaches: a batch of several transactions may end between two of them. */
  journaled: z.string().optional(),
  records: z.number().default(0),
  counted: z.number().default(0),
  duplicate: z.number().default(0),
  set_aside: z.number().default(0),
});
export type Lane = z.output<typeof Lane>;

const keyOf = (lane: string) => ({ pk: LANES, sk: lane });

/** Compares sequence numbers, decimal texts of any length. */
export const isAfter = (sequence: string, other: string | undefined): boolean =>
  other === undefined || BigInt(sequence) > BigInt(other);

/** How far a shard has come; undefined before its first batch. */
export const findLane = (shard: string): Promise<Lane | undefined> => table().find(Lane, keyOf(shard));

interface Move {
  from: string | undefined;
  to: string;
  journaled: string | undefined;
  outcomes: Outcomes;
  records: number;
}

const change = (outcomes: Outcomes, records: number) => ({ add: { records, ...outcomes } });

/** Moves a shard's checkpoint on, under the condition that it still is where the batch was cut from. */
export function moveCheckpoint(shard: string, { from, to, journaled, outcomes, records }: Move): Write {
  const when: Condition = { equals: { sequence: from } };
  return table().update(keyOf(shard), { set: { sequence: to, journaled }, ...change(outcomes, records) }, when);
}

/** Enters one counted receipt that came by no shard. */
export const enterCounted = (lane: string): Write =>
  table().update(keyOf(lane), change({ counted: 1, duplicate: 0, set_aside: 0 }, 1));

/** All lanes: one query. */
export async function listLanes(): Promise<Lane[]> {
  const lanes: Lane[] = [];
  let startKey: Record<string, unknown> | undefined;
  do {
    const { items, lastKey } = await table().query(Lane, {
      partition: LANES,
      ascending: true,
      startKey,
      consistent: true,
    });
    lanes.push(...items);
    startKey = lastKey;
  } while (startKey);
  return lanes;
}
