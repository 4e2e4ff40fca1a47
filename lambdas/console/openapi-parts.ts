import * as z from 'zod';
import type { PROBLEM_KINDS } from './problem-kinds';

const Problem = z
  .object({
    type: z.string().meta({ description: 'path of the explanation of this kind of problem, or `about:blank`' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'what happened, for people' }),
    instance: z.string().meta({ description: 'the path that was called' }),
    request_id: z.string().meta({ description: 'finds the call in the logs' }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'the fields at fault' }),
  })
  .meta({ id: 'Problem', description: 'Problem details, RFC 9457' });

const text = (description: string, example: string) => ({ description, schema: { type: 'string' as const }, example });

export const HEADERS = {
  ETag: text('The version of what was answered.', '"Vg2nC9mXm0Jd2n0bMxvJ1r9m3uY"'),
  'X-Request-Id': text('Finds the call in the logs.', '0b3d4f0e-9d6e-4a53-8d2e-0b6c4c0f7a11'),
  'Idempotency-Replayed': text('`true` on an answer that was given before.', 'true'),
  'Retry-After': {
    description: 'Seconds to wait before the next try.',
    schema: { type: 'integer' as const, minimum: 0 },
    example: 1,
  },
  'WWW-Authenticate': text('How to prove who calls.', 'Bearer realm="mercato", Api-Key realm="mercato"'),
};

const optionalHeader = (name: string, description: string, more = {}) => ({
  in: 'header' as const,
  name,
  description,
  // no example: Swagger UI would send it with every try
  schema: { type: 'string' as const, ...more },
});

export const PARAMETERS = {
  'Idempotency-Key': optionalHeader(
    'Idempotency-Key',
    'Any text of your own, new for each thing to make. A repeat with the same key and body gives the first answer again.',
    { minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  ),
  'If-Match': optionalHeader(
    'If-Match',
    'Change or delete only this version (an `ETag`), else 412 and nothing is written.',
  ),
  'If-None-Match': optionalHeader('If-None-Match', 'Answer 304 without a body if this version (an `ETag`) is current.'),
};

interface Example {
  detail: string;
  kind?: keyof typeof PROBLEM_KINDS;
  errors?: { path: string; message: string }[];
}

const header = (name: keyof typeof HEADERS) => ({ [name]: { $ref: `#/components/headers/${name}` } });

const problem = (status: number, title: string, description: string, example: Example, headers = {}) => ({
  status,
  response: {
    description,
    headers,
    content: {
      'application/problem+json': {
        schema: Problem,
        example: {
          type: example.kind ? `/docs/problems/#${example.kind}` : 'about:blank',
          title,
          status,
          detail: example.detail,
          instance: '/api/…',
          request_id: HEADERS['X-Request-Id'].example,
          ...(example.errors && { errors: example.errors }),
        },
      },
    },
  },
});

/** The problem answers, as components of the document. */
export const PROBLEMS = {
  BadRequest: problem(400, 'Bad Request', 'The body cannot be read.', { detail: 'the body is not JSON' }),
  Unauthorized: problem(
    401,
    'Unauthorized',
    'Credentials are missing or not valid.',
    { detail: 'credentials are needed here' },
    header('WWW-Authenticate'),
  ),
  Forbidden: problem(403, 'Forbidden', 'The caller may not do this.', { detail: 'you are not allowed to do this' }),
  NotFound: problem(404, 'Not Found', 'There is no such thing, or the caller may not know of it.', {
    detail: 'order not found',
  }),
  Conflict: problem(409, 'Conflict', 'It contradicts what is stored.', { detail: 'it exists already' }),
  Gone: problem(410, 'Gone', 'It was there and will not come back.', { detail: 'it has ended' }),
  PreconditionFailed: problem(412, 'Precondition Failed', 'It was changed since the version in `If-Match`.', {
    detail: 'it was changed since you read it: read it again',
    kind: 'lost-update',
  }),
  ContentTooLarge: problem(413, 'Content Too Large', 'The body is too large.', {
    detail: 'the body has 300000 bytes, at most 262144 are taken',
  }),
  UnsupportedMediaType: problem(
    415,
    'Unsupported Media Type',
    'The body is not of the type that the operation takes.',
    {
      detail: 'the content type is text/plain, expected application/json',
    },
  ),
  InvalidFields: problem(422, 'Unprocessable Content', 'Fields are not valid; `errors` names them.', {
    detail: 'one field is not valid',
    kind: 'invalid-fields',
    errors: [{ path: 'items.0.price', message: 'expected a non-negative decimal' }],
  }),
  TooManyRequests: problem(
    429,
    'Too Many Requests',
    'Too many tries: wait.',
    { detail: 'too many tries' },
    header('Retry-After'),
  ),
};
export type ProblemName = keyof typeof PROBLEMS;

/** What any operation may answer besides. */
export const UNEXPECTED = problem(
  503,
  'Service Unavailable',
  'Any other status: 503 with `Retry-After` when too much is going on, 500 for a mistake of ours.',
  { detail: 'too much is going on, try again', kind: 'busy' },
  header('Retry-After'),
).response;
