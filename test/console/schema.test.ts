import { fieldsOf, type Kind, type Schema } from '../../console/schema';
import { consoleOperations } from '../../lib/console-operations';

const kindOf = (schema: Schema): Kind | undefined => fieldsOf({ properties: { one: schema } })[0]?.kind;

/** Every field of a schema, and of what is in it, by its path. */
function everyField(at: string, schema: Schema): [path: string, schema: Schema, kind: Kind][] {
  return fieldsOf(schema).flatMap(({ name, kind, schema: own }) => {
    const path = `${at}.${name}`;
    const below = kind === 'object' ? own : (own.items ?? {});
    return [[path, schema.properties?.[name] ?? {}, kind], ...everyField(path, below)];
  });
}

const FIELDS = Object.entries(consoleOperations()).flatMap(([name, { query = {}, body = {}, returns = {} }]) =>
  [query, body, returns].flatMap((schema) => everyField(name, schema as Schema)),
);

test('a text or a number of whatever operation is shown as one, nothing being allowed or not', () => {
  const plain = ['string', 'number', 'integer', 'boolean'];
  const isPlain = ({ type, anyOf }: Schema): boolean => {
    const types = [type ?? anyOf?.map((one) => one.type) ?? []].flat(2).filter((one) => one !== 'null');
    return types.length === 1 && plain.includes(types[0] ?? '');
  };
  const all = FIELDS.filter(([, schema]) => isPlain(schema));
  expect(all.length).toBeGreaterThan(500);
  expect(all.filter(([, , kind]) => ['json', 'decimal', 'texts'].includes(kind)).map(([path]) => path)).toEqual([]);
});

test.each<[Schema, Kind]>([
  [{ type: ['string', 'null'] }, 'text'],
  [{ type: ['number', 'null'] }, 'number'],
  [{ anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] }, 'date'],
  [{ anyOf: [{ type: 'number' }, { type: 'string' }] }, 'decimal'],
  [{ anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }, 'texts'],
  [{ anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'array' }, { type: 'object' }] }, 'json'],
  [{}, 'json'],
])('%j is of the kind %s', (schema, kind) => {
  expect(kindOf(schema)).toBe(kind);
});
