import * as z from 'zod';
import type { Handler } from '../kernel/http';
import { shards } from '../kernel/id';
import { table } from '../kernel/table';
import type { Operations } from './contract';
import { TaskName, UNFINISHED } from './schema';

const records = table();

/** Counted of each state at the most, over all its partitions. */
const MOST = 1_000;

/** The partitions of a kind in a state, in the third index. */
const WHERE: Record<keyof typeof UNFINISHED, (state: string) => string[]> = {
  orders: (status) => shards(`ORDERS#${status}`),
  tasks: (state) => TaskName.options.flatMap((name) => shards(`TASKS#${name}#${state}`)),
  deliveries: (status) => shards(`DELIVERIES#${status}`),
};

async function countOf(kind: keyof typeof UNFINISHED, state: string): Promise<{ count: number; isMore: boolean }> {
  const all = WHERE[kind](state);
  const parts = await Promise.all(
    all.map((partition) => records.query(z.object({}), { index: 'gsi3', partition, limit: MOST / all.length })),
  );
  return {
    count: parts.reduce((sum, { items }) => sum + items.length, 0),
    isMore: parts.some(({ lastKey }) => lastKey),
  };
}

/** One query a partition of each state: 56, of an item at least and 250 at the most. */
export const countUnfinished: Handler<Operations['countUnfinished']> = async () => {
  const at_least: string[] = [];
  const kinds = Object.entries(UNFINISHED).map(async ([kind, states]) => {
    const counted = states.map(async (state) => {
      const { count, isMore } = await countOf(kind as keyof typeof UNFINISHED, state);
      if (isMore) at_least.push(`${kind}.${state}`);
      return [state, count] as const;
    });
    return [kind, Object.fromEntries(await Promise.all(counted))] as const;
  });
  const counts = Object.fromEntries(await Promise.all(kinds)) as Record<keyof typeof UNFINISHED, never>;
  return { ...counts, at_least: at_least.sort() };
};
