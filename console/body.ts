import { type Field, fieldsOf, itemFields } from './schema';

/** A JSON text as it was typed, be it right or not: until it is sent nobody changes it under the caret. */
export class JsonText {
  constructor(readonly text: string) {}

  /** @throws SyntaxError for what is not JSON */
  get value(): unknown {
    return JSON.parse(this.text);
  }

  get isJson(): boolean {
    try {
      void this.value;
      return true;
    } catch {
      return false;
    }
  }
}

export type Values = Record<string, unknown>;

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

/** One text or several: where both may stand, one alone is a text. */
function textsOf({ schema }: Field, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const texts = listOf(value);
  if (schema.type === 'array') return texts.length ? texts : undefined;
  return texts.length > 1 ? texts : texts[0];
}

function sentOf(field: Field, value: unknown): unknown {
  const { kind, schema, nullable } = field;
  if (value === null || value === undefined) return nullable ? value : undefined;
  switch (kind) {
    case 'object': {
      const inner = bodyOf(fieldsOf(schema), value as Values);
      return nullable && !Object.keys(inner).length ? null : inner;
    }
    case 'objects':
      return (value as Values[]).map((one) => bodyOf(itemFields(schema), one));
    case 'texts':
      return textsOf(field, value);
    default:
      return value instanceof JsonText ? value.value : value;
  }
}

/** The body that a form's values make: what was left empty is left out, or is nothing where nothing may stand. */
export function bodyOf(fields: Field[], values: Values): Values {
  const taken = fields.map((field) => [field.name, sentOf(field, values[field.name])] as const);
  return Object.fromEntries(taken.filter(([, value]) => value !== undefined && value !== ''));
}

/** Of the body that a form's values make, what a thing has not, and what must stand in any case. */
export function changesOf(fields: Field[], values: Values, thing: Values): Values {
  const before = bodyOf(fields, thing);
  const isSame = (name: string, value: unknown) => JSON.stringify(value) === JSON.stringify(before[name]);
  const needed = new Set(fields.filter(({ required }) => required).map(({ name }) => name));
  const entries = Object.entries(bodyOf(fields, values));
  return Object.fromEntries(entries.filter(([name, value]) => needed.has(name) || !isSame(name, value)));
}

/** Where the inputs of a form have their values, those of each in an array as `items.*.price`. */
const inputsOf = (fields: Field[], before = ''): string[] =>
  fields.flatMap(({ name, kind, schema }) => {
    const path = before + name;
    if (kind === 'object') return inputsOf(fieldsOf(schema), `${path}.`);
    return kind === 'objects' ? inputsOf(itemFields(schema), `${path}.*.`) : [path];
  });

/** By the place of the input; the library takes the root for what belongs to none. */
type FormErrors = Record<string, unknown> & { root?: { serverError: string } };

/**
 * What was wrong with a body as its form shows it: each error at the input that it is about, which is gone when that is
 * changed; those about no input together at the root, which is gone when the form is sent again.
 */
export function formErrors(fields: Field[], errors: { path: string; message: string }[]): FormErrors {
  const inputs = new Set(inputsOf(fields));
  const shown: Record<string, string> = {};
  const others: string[] = [];
  for (const { path, message } of errors) {
    const parts = path.split('.');
    while (parts.length && !inputs.has(parts.join('.').replace(/\.\d+(?=\.|$)/g, '.*'))) parts.pop();
    if (parts.length) shown[parts.join('.')] ??= message;
    else others.push(path ? `${path}: ${message}` : message);
  }
  return { ...shown, ...(others.length && { root: { serverError: others.join('; ') } }) } as FormErrors;
}
