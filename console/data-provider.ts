import { type DataProvider, HttpError, type RaRecord } from 'react-admin';
import type { OperationName } from '../client/operations';
import { MercatoProblem } from '../client/problem';
import { call, operations } from './api';
import { bodyOf, changesOf, formErrors, type Values } from './body';
import { type Entity, entity } from './entities';
import { reasonOf, statusOf } from './problem';
import { fieldsOf } from './schema';

/** The longest page that the API gives. */
const MOST_A_PAGE = 200;

/** A thing as the library takes it: `id` is what names it in the API, an `id` beside that is kept as its own. */
const record = (one: Entity, body: Record<string, unknown>): RaRecord => ({
  ...body,
  ...(one.id !== 'id' && 'id' in body && { own_id: body['id'] }),
  id: String(body[one.id]),
});

/** A thing as the API gave it. */
export const asGiven = ({ own_id, ...others }: RaRecord): Values => ({ ...others, ...(own_id && { id: own_id }) });

/** The fields of the form for an operation. */
const fieldsFor = (name: OperationName) => fieldsOf(operations[name].body);

/** What the library shows of a failure: the message, and what is said of the form of an operation in the form. */
function shown(error: unknown, form: OperationName | undefined): unknown {
  if (!(error instanceof MercatoProblem)) return error;
  const where = error.errors.map(({ path, message }) => [path, message].filter(Boolean).join(': ')).join('; ');
  const message = where && error.status === 422 ? where : error.detail;
  return new HttpError(message, error.status, form && { errors: formErrors(fieldsFor(form), error.errors) });
}

/** A call whose failures the library can show, in the form that it is made of if there is one. */
const guarded = <A extends [resource: string, ...unknown[]], R>(
  verb: (...args: A) => Promise<R>,
  form?: 'create' | 'change',
) => {
  return (...args: A): Promise<R> =>
    verb(...args).catch((error: unknown) => {
      throw shown(error, form && entity(args[0])[form]);
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

const withoutEmpty = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''));

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
  // a list that is left, or narrowed while it is read, is read no further
  supportAbortSignal: true,
  getList: guarded(async (resource, { pagination, filter, signal }) => {
    const one = entity(resource);
    const { page = 1, perPage = 50 } = pagination ?? {};
    const query = withoutEmpty(filter ?? {});
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
    return { data: record(one, await call(one.create)({ body: bodyOf(fieldsFor(one.create), data) })) as never };
  }, 'create'),
  update: guarded(async (resource, { id, data, previousData }) => {
    const one = entity(resource);
    if (!one.change) throw new HttpError('it cannot be changed', 405);
    const changed = changesOf(fieldsFor(one.change), data, previousData ?? {});
    const ifMatch = versions.get(`${resource} ${id}`);
    const { body, etag } = await call(one.change).reply({ [one.id]: id, body: changed }, { ifMatch });
    versions.set(`${resource} ${id}`, etag);
    return { data: record(one, body) as never };
  }, 'change'),
  updateMany: guarded(async () => ({ data: [] })),
  delete: guarded(async (resource, { id, previousData }) => {
    await remove(resource, String(id));
    return { data: (previousData ?? { id }) as never };
  }),
  deleteMany: guarded(async (resource, { ids }) => {
    for (const [done, id] of ids.entries()) {
      await remove(resource, String(id)).catch((error: unknown) => {
        throw new HttpError(`${done} of ${ids.length} deleted, then ${id}: ${reasonOf(error)}`, statusOf(error));
      });
    }
    return { data: ids };
  }),
};
