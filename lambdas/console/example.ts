import * as z from 'zod';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * An own example first, at any depth; a property that may be absent is shown only with one or a default. A value that
 * nothing tells is null: a test then asks for its example.
 */
function sample(schema: JsonSchema): unknown {
  const [example] = schema.examples ?? [];
  if (example !== undefined) return example;
  if (schema.const !== undefined) return schema.const;
  if (schema.default != null) return schema.default;
  if (schema.enum?.length) return schema.enum[0];
  const either = schema.anyOf?.find((one) => (one as JsonSchema).type !== 'null');
  if (either) return sample(either as JsonSchema);
  if (schema.items) return [sample(schema.items as JsonSchema)];
  if (!schema.properties) return null;
  const shown = Object.entries(schema.properties).filter(
    ([name, property]) => schema.required?.includes(name) || hasExample(property as JsonSchema),
  );
  return Object.fromEntries(shown.map(([name, property]) => [name, sample(property as JsonSchema)]));
}

const hasExample = ({ examples, default: standard, anyOf = [], items }: JsonSchema): boolean =>
  Boolean(examples?.length) ||
  ['string', 'number'].includes(typeof standard) ||
  anyOf.some((one) => hasExample(one as JsonSchema)) ||
  (items !== undefined && hasExample(items as JsonSchema));

/**
 * For zod's conversion to JSON Schema: keeps the examples of schemas that transform their input, which it drops; ours
 * are all taken as input, too.
 */
export function keepExamples({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: JsonSchema }): void {
  const { examples } = z.globalRegistry.get(zodSchema) ?? {};
  if (examples) jsonSchema.examples = examples as JsonSchema['examples'] & unknown[];
}

/** A body that shows what an input schema takes: its own first example, else one made of its fields' examples. */
export function exampleOf(schema: z.ZodType): unknown {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: keepExamples });
  // a schema with an id is a reference to its own definition
  return sample(json.$defs?.[json.$ref?.split('/').at(-1) ?? ''] ?? json);
}
