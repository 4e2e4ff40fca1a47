import { type DataProvider, HttpError, type RaRecord } from 'react-admin';
import { MercatoProblem } from '../client/problem';
import { call, operations } from './api';
import { type Entity, entity } from './entities';
import { type Field, fieldsOf, itemFields } from './schema';

/** The longest page that the API gives. */
const MOST_A_PAGE = 200;

const record = (one: Entity, body: Record<string, unknown>): RaRecord => ({ ...body, id: String(body[one.id]) });

/** What the library shows of a failure: the message, and each field's own at the field. */
function shown(error: unknown): unknown {
  if (!(error instanceof MercatoProblem)) return error;
  const errors = Object.fromEntries(error.errors.map(({ path, message }) => [path, message]));
  const where = error.errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new HttpError(where && error.status === 422 ? where : error.detail, error.status, { errors });
}

const guarded = <A extends unknown[], R>(verb: (...args: A) => Promise<R>) => {
  return (...args: A): Promise<R> =>
    verb(...args).catch((error: unknown) => {
      throw shown(error);
    });
};

/** Versions of what was read, for changes to be refused when somebody else was quicker. */
const versions = new Map<string, string | undefined>();
/** Where the pages of each list begin that were seen: pages have no numbers in the API, lists are not counted. */
const beginnings = new Map<string, (string | undefined)[]>();

interface Asked {
  page: number;
  perPage: number;
  query: Record<string, unknown>;
}

const hasPages = ({ list }: Entity): boolean => 'cursor' in (operations[list].query?.properties ?? {});

async function readPage(one: Entity, { page, perPage, query }: Asked, signal: AbortSignal | undefined) {
  const key = JSON.stringify([one.name, query, perPage]);
  const known = beginnings.get(key) ?? [undefined];
  beginnings.set(key, known);
  // a page that was opened by its address alone is found from the last one known before it
  let at = Math.min(page, known.length) - 1;
  for (;;) {
    const cursor = known[at];
    const limit = hasPages(one) ? perPage : undefined;
    const body = await call(one.list)({ query: { ...query, limit, ...(cursor && { cursor }) } }, { signal });
    const { results, next = null } = body as { results: Record<string, unknown>[]; next?: string | null };
    const following = next && new URLSearchParams(next.split('?')[1]).get('cursor');
    if (following) known[at + 1] = following;
    if (at === page - 1 || !following) return { results, more: following !== null };
    at++;
  }
}

/** As many as asked for, over several pages where one does not hold them: for export. */
async function readMany(one: Entity, { perPage, query }: Asked, signal: AbortSignal | undefined) {
  const results: Record<string, unknown>[] = [];
  for await (const item of call(one.list).all({ query: { ...query, limit: MOST_A_PAGE } }, { signal })) {
    results.push(item);
    if (results.length === perPage) break;
  }
  return { results, more: false };
}

const withoutEmpty = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''));

type Values = Record<string, unknown>;

/** The fields that a schema has, of those given: what was left empty is left out, unless it may be nothing. */
function taken(fields: Field[], data: Values): Values {
  const kept = fields.map(({ name, kind, schema, nullable }) => {
    const value = data[name];
    if (kind === 'object' && value) return [name, taken(fieldsOf(schema), value as Values)] as const;
    if (kind === 'objects' && value) {
      return [name, (value as Values[]).map((one) => taken(itemFields(schema), one))] as const;
    }
    return [name, value ?? (nullable ? value : undefined)] as const;
  });
  return withoutEmpty(Object.fromEntries(kept));
}

/** The body of an operation, of the values of a form. */
export const bodyFor = (name: Entity['list'], data: Values): Values => taken(fieldsOf(operations[name].body), data);

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

async function readOne(resource: string, id: string): Promise<RaRecord> {
  const one = entity(resource);
  if (one.get) {
    const { body, etag } = await call(one.get).reply({ [one.id]: id });
    versions.set(`${resource} ${id}`, etag);
    return record(one, body);
  }
  const query = hasPages(one) ? { limit: MOST_A_PAGE } : {};
  for await (const item of call(one.list).all({ query })) {
    if (String(item[one.id]) === id) return record(one, item);
  }
  throw new HttpError('it is not in the list any more', 404);
}

async function remove(resource: string, id: string): Promise<void> {
  const one = entity(resource);
  if (one.remove) await call(one.remove)({ [one.id]: id });
}

/** The library's calls, made by the typed client. */
export const dataProvider: DataProvider = {
  getList: guarded(async (resource, { pagination, filter, sort, signal }) => {
    const one = entity(resource);
    const { page = 1, perPage = 50 } = pagination ?? {};
    const query = withoutEmpty({ ...filter, ...(sort?.field === 'sort' && { sort: sort.order }) });
    const asked = { page, perPage, query };
    const { results, more } = await (perPage > MOST_A_PAGE && hasPages(one) ? readMany : readPage)(one, asked, signal);
    return {
      data: results.map((item) => record(one, item)) as never,
      pageInfo: { hasNextPage: more, hasPreviousPage: page > 1 },
    };
  }),
  getOne: guarded(async (resource, { id }) => ({ data: (await readOne(resource, String(id))) as never })),
  getMany: guarded(async (resource, { ids }) => ({
    data: (await Promise.all(ids.map((id) => readOne(resource, String(id))))) as never,
  })),
  getManyReference: guarded(async () => ({ data: [], total: 0 })),
  create: guarded(async (resource, { data }) => {
    const one = entity(resource);
    if (!one.create) throw new HttpError('nothing can be added here', 405);
    return { data: record(one, await call(one.create)({ body: bodyFor(one.create, data) })) as never };
  }),
  update: guarded(async (resource, { id, data, previousData }) => {
    const one = entity(resource);
    if (!one.change) throw new HttpError('it cannot be changed', 405);
    const changed = Object.fromEntries(
      Object.entries(bodyFor(one.change, data)).filter(([name, value]) => !same(value, previousData?.[name])),
    );
    const ifMatch = versions.get(`${resource} ${id}`);
    const { body, etag } = await call(one.change).reply({ [one.id]: id, body: changed }, { ifMatch });
    versions.set(`${resource} ${id}`, etag);
    return { data: record(one, body) as never };
  }),
  updateMany: guarded(async () => ({ data: [] })),
  delete: guarded(async (resource, { id, previousData }) => {
    await remove(resource, String(id));
    return { data: (previousData ?? { id }) as never };
  }),
  deleteMany: guarded(async (resource, { ids }) => {
    for (const id of ids) await remove(resource, String(id));
    return { data: ids };
  }),
};
