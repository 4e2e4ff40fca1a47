import type { FieldError } from '../kernel/problem';
import { RECORDS, type Resource, type SourceRecord } from './schema';

/** Of a record: a table's item holds 400 KB, a message of SQS 256 KB. */
export const LARGEST_BYTES = 200_000;

/** A protected record as its schema takes it, or what is wrong with it; messages name fields and types, never values. */
export function checkShape(
  resource: Resource,
  record: unknown,
): { record: SourceRecord; errors: [] } | { record: undefined; errors: FieldError[] } {
  const parsed = RECORDS[resource].safeParse(record);
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    return { record: undefined, errors };
  }
  const bytes = Buffer.byteLength(JSON.stringify(parsed.data));
  if (bytes <= LARGEST_BYTES) return { record: parsed.data, errors: [] };
  return {
    record: undefined,
    errors: [{ path: '', message: `it has ${bytes} bytes, at most ${LARGEST_BYTES} are kept` }],
  };
}

/** The errors in one line. */
export const reasonOf = (errors: readonly FieldError[]): string =>
  errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
