import type * as z from 'zod';

export const ROLES = ['admin', 'operator', 'analyst'] as const;
export type Role = (typeof ROLES)[number];

/** What an API key may be limited to. A key with a role may do what the role may. */
export const SCOPES = ['orders:status', 'messages:send', 'receipts:write', 'metrics:read'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who may call an operation. An admin always may, except where nobody needs credentials anyway. */
export interface Access {
  /** Any user who is logged in (and API keys with the role `operator` or `admin`). */
  user?: true;
  roles?: readonly Role[];
  scopes?: readonly Scope[];
  /** The path parameter that a key of one resource must match. */
  resource?: string;
}

export interface Operation {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{parameters}` and a trailing slash; answers without it too. */
  path: string;
  summary: string;
  description?: string;
  access: 'public' | Access;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Takes `application/x-ndjson` too: an array of its lines; a line that is not JSON stays the text that it is. */
  ndjson?: true;
  /** Its body is many things, each checked by the schema by itself, its text included: what no store can hold refuses one alone. */
  checksText?: true;
  /** A body that is no JSON: the verb reads it as `rawBody`. */
  consumes?: { type: 'text/csv'; example: string };
  /** Bytes of the body at most, 413 beyond. @default 256 KiB */
  maxBytes?: number;
  /** The type of its answer, which is then a text as it stands. @default application/json */
  produces?: 'text/csv' | 'application/openmetrics-text; version=1.0.0';
  /** The status of success. */
  status: 200 | 201 | 202 | 204;
  /** Another one that it may have with the same body, in words: `{ 200: 'it was there already' }`. */
  also?: { readonly 200: string };
  returns?: z.ZodType;
  /** What else than bad input and missing rights the verb refuses, by status, in words: `{ 409: 'the username is taken' }`. */
  refuses?: { readonly [status in 400 | 401 | 403 | 409 | 410 | 412 | 422 | 429]?: string };
  /**
   * For the audit trail, of every method but GET: the entity that it changes and the field that names one, which is a
   * parameter of the path or in the item that its first write is about.
   */
  changes?: readonly [entity: string, field: string];
  /** Why it leaves no entry in the audit trail. */
  unaudited?: string;
  /** Takes an `Idempotency-Key`: the verb hands `call.idempotency` to its commit. */
  idempotent?: true;
  /** `Cache-Control` of the answer. @default no-store */
  cache?: string;
  /** Kept out of the OpenAPI document: an alias for clients of an earlier system. */
  alias?: true;
}

export type Contract = Record<string, Operation>;

/** The HTTP face of a context, as data: routing, validation, access, handler types, OpenAPI and tests all read it. */
export const contract = <const C extends Contract>(operations: C): C => operations;

/** Who calls. */
export interface Principal {
  kind: 'user' | 'api_key';
  /** The user's uuid, or the key's id. */
  id: string;
  /** For people who read logs and audit trails. */
  name: string;
  roles: readonly Role[];
  scopes: readonly Scope[];
  /** The one resource that the key is for. */
  resource?: string;
  /** The bulk action as a part of which the product calls in their name. */
  bulk_id?: string;
  /** A user of the outside issuer: there is no account of it here. */
  isOutside?: true;
}

interface Shape {
  shape?: Record<string, unknown>;
  element?: Shape;
  options?: Shape[];
}

/** The names of an answer's fields; of a page those of its results too. */
function fieldsOf(schema: Shape | undefined): string[] {
  if (!schema) return [];
  const { shape = {}, options = [] } = schema;
  const results = (shape['results'] as Shape | undefined)?.element;
  return [...Object.keys(shape), ...fieldsOf(results), ...options.flatMap(fieldsOf)];
}

/** The fields that a contract shows to readers. */
export const shownFields = (operations: Contract): ReadonlySet<string> =>
  new Set(
    Object.values(operations).flatMap(({ method, returns }) => (method === 'GET' ? fieldsOf(returns as Shape) : [])),
  );

export const isOperator = ({ roles }: Principal): boolean => roles.includes('operator') || roles.includes('admin');

/** Whether a caller may run an operation on a resource (`params[access.resource]`). */
export function mayCall(
  access: Access,
  { kind, roles, scopes, resource }: Principal,
  params: Record<string, string>,
): boolean {
  if (resource !== undefined && (access.resource === undefined || params[access.resource] !== resource)) return false;
  if (roles.includes('admin')) return true;
  if (access.user && (kind === 'user' || roles.includes('operator'))) return true;
  return Boolean(
    access.roles?.some((role) => roles.includes(role)) || access.scopes?.some((scope) => scopes.includes(scope)),
  );
}
