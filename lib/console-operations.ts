import * as z from 'zod';
import { CONTEXTS } from '../lambdas/console/contracts';
import { keepExamples } from '../lambdas/console/example';
import type { Operation } from '../lambdas/kernel/contract';
import { SandboxContract } from '../lambdas/sandbox/contract';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Of an operation, what the console needs to call it, to make a form for it and to show its answer. */
export interface ConsoleOperation extends Pick<Operation, 'method' | 'path' | 'summary' | 'description' | 'access'> {
  context: string;
  query?: JsonSchema;
  body?: JsonSchema;
  returns?: JsonSchema;
  consumes?: string;
  produces?: string;
  idempotent?: true;
  /** What the audit trail calls the thing that it changes. */
  changes?: string;
}

/** What only a validator needs: the API is the one that validates. */
const DROPPED = ['$schema', '$defs', 'id', 'additionalProperties', 'propertyNames', 'pattern', 'allOf'];
const BOUND = Number.MAX_SAFE_INTEGER;

/** A schema with its references replaced by what they name (but not within themselves), and without what no form shows. */
function compact(schema: JsonSchema, definitions: Record<string, JsonSchema>, within: string[] = []): JsonSchema {
  const { $ref, ...own } = schema;
  if ($ref && within.includes($ref)) return {};
  const trail = $ref ? [...within, $ref] : within;
  const whole = $ref ? { ...definitions[$ref.split('/').at(-1) ?? ''], ...own } : own;
  const open = whole.additionalProperties;
  const walk = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(walk)
      : typeof value === 'object' && value !== null
        ? compact(value as JsonSchema, definitions, trail)
        : value;
  const entries = Object.entries(whole).flatMap(([name, value]) => {
    if (DROPPED.includes(name) || Math.abs(Number(value)) === BOUND) return [];
    if (name === 'properties') {
      const properties = Object.entries(value as object).map(([key, one]) => [key, walk(one)]);
      return [[name, Object.fromEntries(properties)]];
    }
    return [[name, /^(examples|default|const|enum|required)$/.test(name) ? value : walk(value)]];
  });
  // an object of any keys has a schema for its values
  const values = typeof open === 'object' && Object.keys(open).length ? { additionalProperties: walk(open) } : {};
  return Object.fromEntries([...entries, ...Object.entries(values)]);
}

function describe(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const whole = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: keepExamples });
  return compact(whole, (whole.$defs ?? {}) as Record<string, JsonSchema>);
}

const facesOf = ({ method, path, summary, description, access, query, body, returns, ...rest }: Operation) => ({
  method,
  path,
  summary,
  ...(description && { description }),
  access,
  ...(query && { query: describe(query, 'input') }),
  ...(body && { body: describe(body, 'input') }),
  ...(returns && { returns: describe(returns, 'output') }),
  ...(rest.consumes && { consumes: rest.consumes.type }),
  ...(rest.produces && { produces: rest.produces }),
  ...(rest.changes && { changes: rest.changes[0] }),
  ...(rest.idempotent && { idempotent: rest.idempotent }),
});

const FACES = [...CONTEXTS, { name: 'sandbox', contract: SandboxContract }];

/** Every operation of every context, and of the stand-ins, by its name, aliases left out: the console's lists, forms and rights come from it. */
export const consoleOperations = (): Record<string, ConsoleOperation> =>
  Object.fromEntries(
    FACES.flatMap(({ name: context, contract }) =>
      Object.entries<Operation>(contract)
        .filter(([, { alias }]) => !alias)
        .map(([name, operation]) => [name, { context, ...facesOf(operation) }]),
    ),
  );
