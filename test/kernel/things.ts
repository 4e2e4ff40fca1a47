import * as z from 'zod';
import { newId } from '../../lambdas/kernel/id';
import { table } from '../../lambdas/kernel/table';
import { type Platform, platform } from '../support/platform';

/** A private stack, in one of whose tables things are stored. */
export async function openThings(): Promise<Platform> {
  const on = await platform('orders');
  Object.assign(process.env, on.named('Orders/Api').environment);
  return on;
}

export const things = table();
export const Thing = z.object({
  pk: z.string(),
  sk: z.string(),
  n: z.number(),
  list: z.array(z.number()).optional(),
  by: z.string().optional(),
});
export const key = (n = 0) => ({ pk: `THING#${newId()}`, sk: `${n}` });
