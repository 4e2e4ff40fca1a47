/** A JSON Schema, as far as lists, pages and forms look at it. */
export interface Schema {
  /** Several where it is one of these: a text or nothing. */
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: string[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  required?: string[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

/** How a value is shown and asked for. */
export type Kind =
  | 'boolean'
  | 'choice'
  | 'choices'
  | 'date'
  | 'decimal'
  | 'json'
  | 'long'
  | 'map'
  | 'number'
  | 'object'
  | 'objects'
  | 'password'
  | 'text'
  | 'texts';

export interface Field {
  name: string;
  schema: Schema;
  kind: Kind;
  nullable: boolean;
  required: boolean;
}

const LONG = 200;

function kindOf(schema: Schema, others: Schema[]): Kind {
  const types = others.map(({ type }) => type);
  if (types.includes('object')) return 'json';
  if (types.includes('number') && types.includes('string')) return 'decimal';
  if (types.includes('array')) return 'texts';
  if (schema.enum) return 'choice';
  switch (schema.type) {
    case 'boolean':
      return 'boolean';
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      if (schema.items?.enum) return 'choices';
      return schema.items?.type === 'object' ? 'objects' : 'texts';
    case 'object':
      if (schema.additionalProperties) return 'map';
      return Object.keys(schema.properties ?? {}).length ? 'object' : 'json';
    case 'string':
      if (schema.format === 'date-time') return 'date';
      if (schema.format === 'password') return 'password';
      return (schema.maxLength ?? 0) > LONG && !schema.format ? 'long' : 'text';
    default:
      return 'json';
  }
}

function fieldOf(name: string, whole: Schema, required: boolean): Field {
  const { anyOf, oneOf, type, ...outer } = whole;
  const all = anyOf ?? oneOf ?? (Array.isArray(type) ? type.map((one): Schema => ({ type: one })) : []);
  const others = all.filter((one) => !isNothing(one));
  const nullable = others.length < all.length;
  const schema = others.length === 1 ? { ...others[0], ...outer } : others.length ? outer : whole;
  return { name, schema, kind: kindOf(schema, others.length > 1 ? others : []), nullable, required };
}

const isNothing = ({ type }: Schema): boolean => type === 'null';

/** The fields of an object, or of an object or nothing, in the order of its schema. */
export function fieldsOf({ properties = {}, required = [], anyOf = [] }: Schema = {}): Field[] {
  const [only, ...others] = anyOf.filter((one) => !isNothing(one));
  if (only && !others.length) return fieldsOf(only);
  return Object.entries(properties).map(([name, schema]) => fieldOf(name, schema, required.includes(name)));
}

/** The fields of each thing in an array. */
export const itemFields = ({ items }: Schema): Field[] => fieldsOf(items);

const ABBREVIATIONS: Record<string, string> = {
  id: 'ID',
  uuid: 'ID',
  uid: 'ID',
  url: 'URL',
  nds: 'NDS',
  ms: 'ms',
  api: 'API',
};

/** `created_at` → `Created at`, `listTaskResults` → `List task results`. */
export function inWords(name: string): string {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .split(/[_\s-]+/)
    .map((word) => ABBREVIATIONS[word.toLowerCase()] ?? word.toLowerCase());
  const text = words.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
