import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Access, Operation } from '../kernel/contract';
import type { ContextFace } from './contracts';
import { exampleOf, keepExamples } from './example';
import { INTRODUCTION } from './openapi-introduction';
import { HEADERS, PARAMETERS, PROBLEMS, type ProblemName, UNEXPECTED } from './openapi-parts';

/** Every way to prove who calls; each operation that is not public takes any of them. */
const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: '`access` of a login. `Authorization: Token <token>` is taken as well.',
  },
  api_key: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: '`Api-Key <key>`: the word, a space, the key.',
  },
  x_api_key: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'The key alone.' },
} as const;

const anyOf = (words: string[]): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** Who may call, as a sentence. */
function accessInWords(access: Operation['access']): string {
  if (access === 'public') return 'Anybody may call it, without credentials.';
  const { user, roles = [], scopes = [], resource }: Access = access;
  // a key is no user, but one of an operator may do what any user may
  const role = new Set<string>(['admin', ...(user ? ['operator'] : []), ...roles]);
  const parts = [
    ...(user ? ['any user who is logged in'] : []),
    `whoever has the role ${anyOf([...role].map((name) => `\`${name}\``))}`,
    ...(scopes.length ? [`an API key with the scope ${anyOf(scopes.map((name) => `\`${name}\``))}`] : []),
    ...(resource ? [`the key of this very resource (\`${resource}\`)`] : []),
  ];
  return `May be called by ${anyOf(parts)}.`;
}

const takesIfMatch = ({ method, refuses }: Operation): boolean =>
  method === 'PUT' || method === 'PATCH' || refuses?.[412] !== undefined;

/** The problems that an operation can answer with, by status. */
function problemsOf({
  method,
  access,
  path,
  query,
  body,
  consumes,
  idempotent,
  refuses = {},
}: Operation): ProblemName[] {
  const names = new Set<ProblemName>();
  if (access !== 'public') names.add('Unauthorized').add('Forbidden');
  if (path.includes('{')) names.add('NotFound');
  if (body) names.add('BadRequest').add('ContentTooLarge').add('UnsupportedMediaType');
  if (consumes) names.add('BadRequest').add('ContentTooLarge').add('UnsupportedMediaType').add('InvalidFields');
  if (body || query || idempotent) names.add('InvalidFields');
  if (method === 'PUT' || method === 'PATCH') names.add('PreconditionFailed');
  const byStatus = new Map(Object.entries(PROBLEMS).map(([name, { status }]) => [status, name as ProblemName]));
  for (const status of Object.keys(refuses)) names.add(byStatus.get(Number(status)) as ProblemName);
  return [...names];
}

const response = (name: string) => ({ $ref: `#/components/responses/${name}` });
const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` });
const header = (name: string) => ({ $ref: `#/components/headers/${name}` });

function responsesOf(operation: Operation): ZodOpenApiOperationObject['responses'] {
  const { method, status, also, returns, produces = 'application/json', idempotent, refuses = {} } = operation;
  const problems = problemsOf(operation).map((name) => {
    const { status: code } = PROBLEMS[name];
    const reason = (refuses as Record<number, string>)[code];
    // beside a $ref, OpenAPI 3.1 lets only this member stand
    return [code, { ...response(name), ...(reason && { description: reason }) }] as const;
  });
  const success = (description: string) => ({
    description,
    headers: {
      'X-Request-Id': header('X-Request-Id'),
      ...(returns && { ETag: header('ETag') }),
      ...(idempotent && { 'Idempotency-Replayed': header('Idempotency-Replayed') }),
    },
    ...(returns && { content: { [produces]: { schema: returns } } }),
  });
  return {
    [status]: success(returns ? 'Done.' : 'Done; there is no body.'),
    ...(also && { 200: success(also[200]) }),
    ...(method === 'GET' && returns && { 304: response('NotModified') }),
    ...Object.fromEntries(problems),
    default: response('Unexpected'),
  };
}

const pathParams = ({ path, params }: Operation): z.ZodObject | undefined => {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return names.length
    ? z.object(Object.fromEntries(names.map((name) => [name, (params?.shape[name] ?? z.string()) as z.ZodType])))
    : undefined;
};

/** A body as JSON, and where the operation takes them, its lines. */
const bodyContent = (schema: z.ZodType, ndjson: true | undefined) => ({
  'application/json': { schema, example: exampleOf(schema) },
  ...(ndjson && { 'application/x-ndjson': { schema: z.string().meta({ description: 'one JSON object a line' }) } }),
});

function operationObject(tag: string, name: string, operation: Operation): ZodOpenApiOperationObject {
  const { method, summary, description, access, query, body, consumes, idempotent, returns } = operation;
  const path = pathParams(operation);
  const parameters = [
    ...(idempotent ? [parameter('Idempotency-Key')] : []),
    ...(takesIfMatch(operation) ? [parameter('If-Match')] : []),
    ...(method === 'GET' && returns ? [parameter('If-None-Match')] : []),
  ];
  return {
    operationId: name,
    tags: [tag],
    summary,
    description: [description, accessInWords(access)].filter(Boolean).join('\n\n'),
    'x-access': access,
    security: access === 'public' ? [] : Object.keys(SECURITY_SCHEMES).map((scheme) => ({ [scheme]: [] })),
    ...((path || query) && { requestParams: { ...(path && { path }), ...(query && { query }) } }),
    ...(parameters.length && { parameters }),
    ...(body && {
      requestBody: { required: true, content: bodyContent(body, operation.ndjson) },
    }),
    ...(consumes && {
      requestBody: {
        required: true,
        content: { [consumes.type]: { schema: { type: 'string' as const }, example: consumes.example } },
      },
    }),
    responses: responsesOf(operation),
  };
}

function pathsOf(contexts: readonly ContextFace[]): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {};
  const seen = new Set<string>();
  for (const { name: tag, contract } of contexts) {
    for (const [name, operation] of Object.entries(contract)) {
      if (operation.alias) continue;
      if (seen.has(name)) throw new Error(`two operations are named ${name}, expected one name over all contexts`);
      seen.add(name);
      paths[operation.path] = {
        ...paths[operation.path],
        [operation.method.toLowerCase()]: operationObject(tag, name, operation),
      };
    }
  }
  return paths;
}

/**
 * The OpenAPI 3.1 document of some contexts. Its server is the directory that it is read from, so it holds below a stage's
 * path as at a domain's root. Aliases are left out.
 */
export const openApi = (contexts: readonly ContextFace[], version: string) =>
  createDocument(
    {
      openapi: '3.1.1',
      info: { title: 'Mercato', version, description: INTRODUCTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '.', description: 'where this document is' }],
      tags: contexts.map(({ name, about }) => ({ name, description: about })),
      paths: pathsOf(contexts),
      components: {
        securitySchemes: SECURITY_SCHEMES,
        parameters: PARAMETERS,
        headers: HEADERS,
        responses: {
          ...Object.fromEntries(Object.entries(PROBLEMS).map(([name, { response: object }]) => [name, object])),
          Unexpected: UNEXPECTED,
          NotModified: { description: 'What you have is current.', headers: { ETag: header('ETag') } },
        },
      },
    },
    {
      override: ({ jsonSchema, zodSchema, io }) => {
        keepExamples({ zodSchema, jsonSchema });
        // answers may get further fields
        if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    },
  );
