import { createHash } from 'node:crypto';
import type { APIGatewayProxyEvent } from 'aws-lambda';

/** A strong ETag (RFC 9110, 8.8.3) of a representation. */
export const etagOf = (json: string): string => `"${createHash('sha1').update(json).digest('base64url')}"`;

/** Whether an `If-Match` or `If-None-Match` list names an ETag; weak marks do not count against it. */
export const namesEtag = (list: string, etag: string): boolean =>
  list.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);

/** A header whatever the case of its name: platforms differ. */
export function headerOf({ headers }: APIGatewayProxyEvent) {
  let lower: Record<string, string | undefined> | undefined;
  return (name: string): string | undefined => {
    lower ??= Object.fromEntries(Object.entries(headers ?? {}).map(([key, value]) => [key.toLowerCase(), value]));
    return lower[name] ?? undefined;
  };
}
