/** A field at fault: a dotted path into the input (`items.0.price`) and a sentence that says what is expected. */
export interface FieldError {
  path: string;
  message: string;
}

export interface ProblemOptions {
  /** Machine-readable kind, the fragment of `type`: `/docs/problems/#<kind>`. */
  kind?: string;
  errors?: FieldError[];
  headers?: Record<string, string>;
}

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** An outcome that the caller may see, as RFC 9457 problem details. Everything else that is thrown becomes a bare 500. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly kind: string | undefined;
  readonly errors: FieldError[] | undefined;
  readonly headers: Record<string, string>;

  constructor(
    readonly status: number,
    readonly detail: string,
    options: ProblemOptions = {},
  ) {
    super(detail);
    this.kind = options.kind;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }

  /** The members of the `application/problem+json` body. */
  body(instance: string, requestId: string): Record<string, unknown> {
    return {
      type: this.kind ? `/docs/problems/#${this.kind}` : 'about:blank',
      title: TITLES[this.status] ?? 'Error',
      status: this.status,
      detail: this.detail,
      instance,
      request_id: requestId,
      ...(this.errors && { errors: this.errors }),
    };
  }
}

export const notFound = (what: string): Problem => new Problem(404, `${what} not found`);
export const conflict = (detail: string, kind?: string): Problem => new Problem(409, detail, kind ? { kind } : {});
export const invalid = (errors: FieldError[]): Problem =>
  new Problem(422, `${errors.length === 1 ? 'one field is' : `${errors.length} fields are`} not valid`, {
    kind: 'invalid-fields',
    errors,
  });
export const busy = (detail: string, retryAfterSeconds = 1): Problem =>
  new Problem(503, detail, { kind: 'busy', headers: { 'retry-after': String(retryAfterSeconds) } });
