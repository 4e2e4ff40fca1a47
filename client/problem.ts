/** The body of a refused call (RFC 9457). */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  request_id: string;
  /** The fields at fault, each by its path into the body, like `items.0.price`, or the name of a parameter. */
  errors?: { path: string; message: string }[];
}

/** Thrown for every answer that is no success. */
export class MercatoProblem extends Error implements ProblemDetails {
  override readonly name = 'MercatoProblem';
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly request_id: string;
  readonly errors: { path: string; message: string }[];

  constructor({ type, title, status, detail, instance, request_id, errors = [] }: ProblemDetails) {
    super(detail);
    this.type = type;
    this.title = title;
    this.status = status;
    this.detail = detail;
    this.instance = instance;
    this.request_id = request_id;
    this.errors = errors;
  }
}

const isDetails = (value: unknown): value is ProblemDetails =>
  typeof value === 'object' && value !== null && 'status' in value && 'detail' in value;

/** What an answer says is wrong; a gateway's own errors, which are no problem details, become ones. */
export async function problemOf(response: Response): Promise<MercatoProblem> {
  const { status, statusText, url } = response;
  const body: unknown = await response.json().catch(() => undefined);
  if (isDetails(body)) return new MercatoProblem(body);
  const title = statusText || `HTTP ${status}`;
  const request_id = response.headers.get('x-request-id') ?? '';
  return new MercatoProblem({ type: 'about:blank', title, status, detail: title, instance: url, request_id });
}
