import * as z from 'zod';
import { now } from '../kernel/clock';
import { contract } from '../kernel/contract';
import { type Handlers, httpApi } from '../kernel/http';
import { Timestamp } from '../kernel/schema';
import { table, writeOne } from '../kernel/table';

export const MODES = ['none', 'slow', '500', '429', 'garbage', 'empty', 'wrong-shape'] as const;

/** What a stand-in does instead of its service. */
export const Faults = z
  .object({
    mode: z.enum(MODES),
    rate: z.number().min(0).max(1).default(1).meta({ description: 'the part of the requests that it befalls' }),
    delay_ms: z.int().min(0).max(25_000).default(9_000).meta({ description: 'for `slow`: how long an answer takes' }),
    until: Timestamp.nullable().default(null).meta({ description: 'by the product’s clock; null: until changed' }),
  })
  .meta({ examples: [{ mode: '500', rate: 0.5, delay_ms: 9_000, until: null }] });
export type Faults = z.output<typeof Faults>;

const NONE: Faults = { mode: 'none', rate: 1, delay_ms: 0, until: null };
const faults = table();
const keyOf = (name: string) => ({ pk: `FAULTS#${name}`, sk: 'FAULTS' });

const findFaults = async (name: string): Promise<Faults> => (await faults.find(Faults, keyOf(name))) ?? NONE;

const FRESH_MS = 200;
let known: { faults: Faults; readAt: number } | undefined;

/** The fault that befalls this request, if one does. One read each 200 ms and function instance. */
export async function faultNow(name: string): Promise<Faults> {
  if (!known || Date.now() - known.readAt > FRESH_MS) known = { faults: await findFaults(name), readAt: Date.now() };
  const { mode, rate, until } = known.faults;
  const isOver = until !== null && until <= now().toISOString();
  return mode === 'none' || isOver || Math.random() >= rate ? NONE : known.faults;
}

const operator = { roles: ['operator'] } as const;

const faultsContract = (name: string) =>
  contract({
    getFaults: {
      method: 'GET',
      path: `/sandbox/${name}/faults/`,
      summary: 'What goes wrong at this stand-in',
      access: operator,
      status: 200,
      returns: Faults,
    },
    setFaults: {
      method: 'PUT',
      path: `/sandbox/${name}/faults/`,
      summary: 'Let something go wrong at this stand-in, within a fifth of a second',
      access: operator,
      body: Faults,
      status: 200,
      returns: Faults,
    },
  });

/** The door at which an operator or a test switches a stand-in's faults. */
export function faultsDoor(name: string) {
  const verbs: Handlers<ReturnType<typeof faultsContract>> = {
    getFaults: () => findFaults(name),
    setFaults: async ({ body }) => {
      await writeOne(faults.put({ ...keyOf(name), ...body }));
      known = undefined;
      return body;
    },
  };
  return httpApi(faultsContract(name), verbs);
}
