/** One change of a body: where, and what is there then (`undefined`: nothing). */
export interface Mutation {
  /** Dotted, as problems name fields; empty for the whole. */
  path: string;
  what: string;
  value: unknown;
}

const nested = (depth: number): unknown => {
  let value: unknown = 'x';
  for (let level = 0; level < depth; level++) value = [value];
  return value;
};

/** What people, programs and attackers put in the place of a value. */
const VALUES: [string, unknown][] = [
  ['missing', undefined],
  ['null', null],
  ['true', true],
  ['zero', 0],
  ['minus one', -1],
  ['a fraction', 0.1234567],
  ['a huge number', 1e308],
  ['beyond safe integers', 2 ** 53 + 2],
  ['an empty text', ''],
  ['blanks', '   '],
  ['a number as text', '12'],
  ['a huge text', 'x'.repeat(20_000)],
  ['a NUL', 'a\u0000b'],
  ['an escape sequence', '\u001b[31m'],
  ['a header', 'x\r\nX-Injected: 1'],
  ['a lone surrogate', '\ud800'],
  ['right to left', '\u202eabc'],
  ['markup', '<script>alert(1)</script>'],
  ['an expression', '{{7*7}}#{7*7}'],
  ['beyond the last year', '9999-12-31T23:59:59-01:00'],
  ['before the first year', '0000-01-01T00:00:00+01:00'],
  ['a path', '../../etc/passwd'],
  ['a query', "' OR 1=1 --"],
  ['__proto__ as text', '__proto__'],
  ['an empty list', []],
  ['a list of nulls', [null, null]],
  ['a deep list', nested(500)],
  ['an empty object', {}],
  ['a query object', { $gt: '' }],
  ['a prototype', JSON.parse('{"__proto__": {"admin": true}, "constructor": {"prototype": {}}}')],
];

/** Every place in a value, the whole first, with the value there. */
function placesOf(value: unknown, path: string[] = []): { path: string[]; value: unknown }[] {
  const inside =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, one]) => placesOf(one, [...path, key]))
      : [];
  return [{ path, value }, ...inside];
}

function replaced(body: unknown, [head, ...rest]: string[], value: unknown): unknown {
  if (head === undefined) return value;
  const copy = (Array.isArray(body) ? [...body] : { ...(body as object) }) as Record<string, unknown>;
  const inner = replaced(copy[head], rest, value);
  if (inner === undefined && Array.isArray(copy)) copy.splice(Number(head), 1);
  else if (inner === undefined) delete copy[head];
  else copy[head] = inner;
  return copy;
}

/** Every value at every place of a body: `[what was done, the mutated body, the path of the change]`. */
export const mutationsOf = (body: unknown): (Mutation & { body: unknown })[] =>
  placesOf(body).flatMap(({ path }) =>
    VALUES.map(([what, value]) => ({ path: path.join('.'), what, value, body: replaced(body, path, value) })),
  );

export interface RandomChange {
  /** Which of a body's places, counted round. */
  place: number;
  /** A field to add there, where the place has fields. */
  name: string | null;
  /** What stands there then; undefined takes it away. */
  value: unknown;
}

/** A body after some changes, each at a place of what the one before has left. */
export const changedBy = (body: unknown, changes: RandomChange[]): unknown =>
  changes.reduce((before, { place, name, value }) => {
    const places = placesOf(before);
    const { path = [], value: there } = places[place % places.length] ?? {};
    const hasFields = typeof there === 'object' && there !== null && !Array.isArray(there);
    return replaced(before, hasFields && name !== null ? [...path, name] : path, value);
  }, body);
