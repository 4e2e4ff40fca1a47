import type { FieldError } from './problem';

/** The beginning of a text that takes so many bytes of UTF-8 at the most, cut between characters. */
export const firstBytes = (text: string, most: number): string =>
  text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(most)).read);

/**
 * JSON can write half of a surrogate pair as an escape; UTF-8, and so every store, cannot hold it. U+FFFE and U+FFFF are no
 * characters, and queues refuse them: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export const SUSPECT = /\\u(d[89a-f]|fff[ef])|[\ufffe\uffff]/i;
const isText = (value: string): boolean => value.isWellFormed() && !/[\ufffe\uffff]/.test(value);

/** As deep as DynamoDB stores: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const DEEPEST = 32;

/** Each text within a value that no store can hold, by its path. */
export function textErrors(value: unknown, path: string[] = []): FieldError[] {
  if (typeof value === 'string') {
    return isText(value) ? [] : [{ path: path.join('.'), message: 'expected well-formed Unicode' }];
  }
  if (typeof value !== 'object' || value === null || path.length > DEEPEST) return [];
  return Object.entries(value).flatMap(([name, inner]) => textErrors(inner, [...path, name]));
}
