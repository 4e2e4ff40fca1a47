import type { OperationName } from '../client/operations';
import { type AnyOperation, may, operationNames, operations } from './api';
import { DESCRIPTIONS, type Description, LINKS } from './descriptions';
import { type Field, fieldsOf } from './schema';

export interface Entity extends Omit<Description, 'create'> {
  create?: OperationName;
  name: string;
  context: string;
  /** The path parameter, and field, that names one. */
  id: string;
  list: OperationName;
  get?: OperationName;
  /** Whether adding one is a page: not when nothing is asked, nor when the answer shows what is never shown again. */
  hasForm: boolean;
  change?: OperationName;
  remove?: OperationName;
  /** Reads of one, each a part of its page. */
  aspects: OperationName[];
  /** What can be done with one, beside changing and deleting it. */
  actions: OperationName[];
  /** What can be done with all, beside adding one. */
  deeds: OperationName[];
  /** What the audit trail calls one. */
  told?: string;
  /** The fields of one in the list. */
  fields: Field[];
}

/** They have no list: each is looked at by its id. */
const IMPORTS = '/api/clients/import/';

const pathParameter = /\{(\w+)\}/;
const isPost = ({ method, path }: AnyOperation, begin: string, parameters: number): boolean =>
  method === 'POST' && path.startsWith(begin) && path.split('{').length - 1 === parameters;

function entityOf(name: string, description: Description): Entity {
  const { path, aspects = [], actions = [] } = description;
  const at = (method: string, where: string) => operationNames((one) => one.method === method && one.path === where)[0];
  const list = at('GET', path);
  if (!list) throw new Error(`there is no list at ${path}`);
  const [onePath] = operationNames((one) => one.path.startsWith(`${path}{`)).map((one) => {
    const [, parameter = 'id'] = pathParameter.exec(operations[one].path) ?? [];
    return `${path}{${parameter}}/`;
  });
  const below = onePath ?? `${path}{id}/`;
  const { context, returns } = operations[list];
  const get = at('GET', below);
  const create = description.create === undefined ? at('POST', path) : (description.create ?? undefined);
  const inner = Object.values(DESCRIPTIONS)
    .map((other) => other.path)
    .filter((other) => other !== path && other.startsWith(path));
  const isInner = (one: AnyOperation): boolean => inner.some((other) => one.path.startsWith(other));
  return {
    ...description,
    name,
    context,
    id: description.key ?? pathParameter.exec(below)?.[1] ?? 'id',
    list,
    get,
    create,
    hasForm: create !== undefined && Boolean(operations[create].body) && !tellsOnce(create, get),
    change: at('PATCH', below),
    remove: at('DELETE', below),
    aspects: [
      ...operationNames((one) => one.method === 'GET' && one.path.startsWith(below) && one.path !== below).filter(
        (one) => operations[one].path.split('{').length === 2,
      ),
      ...aspects,
    ],
    actions: [
      ...operationNames((one) => isPost(one, below, 1) && one.path !== below && !isForMachines(one)),
      ...actions,
    ],
    deeds: operationNames((one) => isPost(one, path, 0) && one.path !== path && !inner.includes(one.path)),
    told: operationNames((one) => one.path.startsWith(path) && !isInner(one) && Boolean(one.changes))
      .map((one) => operations[one].changes)
      .find(Boolean),
    fields: fieldsOf(returns?.properties?.['results']?.items),
  };
}

/** Whether the answer to adding one has something that reading it has not, like a key. */
const tellsOnce = (create: OperationName, get: OperationName | undefined): boolean => {
  const read = get && operations[get].returns?.properties;
  return read !== undefined && fieldsOf(operations[create].returns).some(({ name }) => !(name in read));
};

/** Whether only keys of programs are meant to call it. */
const isForMachines = ({ access }: AnyOperation): boolean =>
  access !== 'public' && !access.user && !access.roles?.length;

export const ENTITIES: Entity[] = Object.entries(DESCRIPTIONS).map(([name, description]) =>
  entityOf(name, description),
);

const byName = new Map(ENTITIES.map((entity) => [entity.name, entity]));

/** The entity on whose page a read is shown that stands elsewhere in the API, and the id in its path. */
function onPageOf(path: string): { entity: Entity; id: string } | undefined {
  for (const one of ENTITIES) {
    for (const aspect of one.aspects) {
      const [before = '', , after = ''] = operations[aspect].path.split(pathParameter);
      const id = path.startsWith(before) && path.slice(before.length).split('/')[0];
      if (id && !before.startsWith(one.path) && path === `${before}${id}${after}`) return { entity: one, id };
    }
  }
  return undefined;
}

/** Where the console shows what the API has at a path. */
export function placeOf(path: string): string | undefined {
  if (path.startsWith(IMPORTS)) return `/import?id=${path.slice(IMPORTS.length).replace(/\/$/, '')}`;
  const aspect = onPageOf(path);
  if (aspect) return `/${aspect.entity.name}/${aspect.id}/show`;
  const found = ENTITIES.filter((one) => path.startsWith(one.path)).sort((a, b) => b.path.length - a.path.length)[0];
  const id = found && path.slice(found.path.length).split(/[/?]/)[0];
  return id ? `/${found.name}/${id}/show` : found && `/${found.name}`;
}

/** The entity that the audit trail calls so, if the user may see its things. */
export const toldAs = (name: unknown): Entity | undefined =>
  ENTITIES.find(({ told, get }) => told !== undefined && told === name && may(get));

/** The entity of a name. */
export function entity(name: string | undefined): Entity {
  const found = byName.get(name ?? '');
  if (!found) throw new Error(`there is no entity ${name}`);
  return found;
}

/** The entity whose things a field names, if the user may see those. */
export function linked(from: Entity | undefined, field: string): Entity | undefined {
  const target = byName.get(from?.links?.[field] ?? LINKS[field] ?? '');
  return target && target.name !== (field === from?.id ? from.name : undefined) && may(target.get) ? target : undefined;
}

/** Lists of other entities that can be narrowed to those of one thing, with the filter that does it. */
export const relatedTo = (one: Entity): { entity: Entity; filter: string }[] =>
  ENTITIES.filter(({ list }) => may(list)).flatMap((other) =>
    fieldsOf(operations[other.list].query)
      .filter(({ name }) => (other.links?.[name] ?? LINKS[name]) === one.name)
      .map(({ name }) => ({ entity: other, filter: name })),
  );
