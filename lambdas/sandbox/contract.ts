import * as z from 'zod';
import { contract } from '../kernel/contract';
import { Timestamp } from '../kernel/schema';

const MODES = ['none', 'slow', '500', '429', 'garbage', 'empty', 'wrong-shape'] as const;

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

const operator = { roles: ['operator'] } as const;
const NamePath = z.object({ name: z.string() });

/** The door of a stand-in; in no document, for only a stage with a sandbox has it. */
export const SandboxContract = contract({
  getFaults: {
    method: 'GET',
    path: '/sandbox/{name}/faults/',
    summary: 'What goes wrong at this stand-in',
    access: operator,
    params: NamePath,
    status: 200,
    returns: Faults,
  },
  setFaults: {
    method: 'PUT',
    path: '/sandbox/{name}/faults/',
    summary: 'Let something go wrong at this stand-in, within a fifth of a second',
    access: operator,
    params: NamePath,
    body: Faults,
    unaudited: 'what a stand-in does wrong is no record of the shop',
    status: 200,
    returns: Faults,
  },
});
