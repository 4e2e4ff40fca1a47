import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { findEnv } from '../kernel/env';
import { headerOf, namesEtag } from '../kernel/headers';
import { log, setLogContext } from '../kernel/log';
import { Problem } from '../kernel/problem';

/** A path of the site: a file, or where else to look. */
export type Entry = { redirect: string } | SiteFile;

export interface SiteFile {
  /** Name below the site's directory; there are `<file>.br` and `<file>.gz`. */
  file: string;
  etag: string;
  headers: Record<string, string>;
}

/** Where the build puts the paths of the site, beside the files. */
export const MANIFEST = 'manifest.json';

const ALLOWED = ['GET', 'HEAD'];

const codings = (accepted: string): Set<string> =>
  new Set(
    accepted
      .toLowerCase()
      .split(',')
      .filter((one) => !/;\s*q=0(\.0*)?\s*$/.test(one))
      .map((one) => one.replace(/;.*/, '').trim()),
  );

/**
 * The body in the best coding that the caller takes: brotli, gzip, or as it is. Every file of the site is text. With `PLAIN`
 * it always goes as it is: LocalStack hands binary replies on in base64.
 */
function read(path: string, accepted: string) {
  const taken = findEnv('PLAIN') ? new Set() : codings(accepted);
  const coded = (coding: string, file: string) => ({
    coding,
    body: readFileSync(file, 'base64'),
    isBase64Encoded: true,
  });
  if (taken.has('br')) return coded('br', `${path}.br`);
  if (taken.has('gzip')) return coded('gzip', `${path}.gz`);
  return { coding: undefined, body: gunzipSync(readFileSync(`${path}.gz`)).toString(), isBase64Encoded: false };
}

function problemReply(problem: Problem, { path, requestContext }: APIGatewayProxyEvent): APIGatewayProxyResult {
  return {
    statusCode: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...problem.headers },
    body: JSON.stringify(problem.body(path, requestContext.requestId)),
  };
}

const redirect = (location: string): APIGatewayProxyResult => ({
  statusCode: 302,
  headers: { location, 'cache-control': 'no-cache' },
  body: '',
});

function fileReply(directory: string, entry: SiteFile, event: APIGatewayProxyEvent): APIGatewayProxyResult {
  const header = headerOf(event);
  const { coding, body, isBase64Encoded } = read(join(directory, entry.file), header('accept-encoding') ?? '');
  const etag = `"${entry.etag}${coding ? `-${coding}` : ''}"`;
  const headers = {
    ...entry.headers,
    etag,
    vary: 'accept-encoding',
    ...(coding && { 'content-encoding': coding }),
  };
  if (namesEtag(header('if-none-match') ?? '', etag)) return { statusCode: 304, headers, body: '' };
  if (event.httpMethod === 'HEAD') return { statusCode: 200, headers, body: '' };
  return { statusCode: 200, headers, body, isBase64Encoded };
}

/** Behind a stage the base address may come without its slash, and then relative links would miss the stage. */
function bareBase({ path, requestContext }: APIGatewayProxyEvent): string | undefined {
  const full = requestContext.path ?? '/';
  return path.length < 2 && !full.endsWith('/') ? `${full.split('/').at(-1)}/` : undefined;
}

/**
 * The Lambda handler of a directory of finished files, with their manifest. Redirects are relative: the function does not
 * know what comes before its paths. Answers are whole, so a file has at most some 4 MB compressed (6 MB a reply, in base64).
 */
export function website(directory: string) {
  let manifest: Record<string, Entry> | undefined;
  const answer = (event: APIGatewayProxyEvent): APIGatewayProxyResult => {
    manifest ??= JSON.parse(readFileSync(join(directory, MANIFEST), 'utf8')) as Record<string, Entry>;
    const { httpMethod, path } = event;
    const entry = manifest[path || '/'];
    if (!entry) return problemReply(new Problem(404, 'there is nothing at this path'), event);
    if (!ALLOWED.includes(httpMethod)) {
      const allow = ALLOWED.join(', ');
      const detail = `${httpMethod} is not among the methods of this path: ${allow}`;
      return problemReply(new Problem(405, detail, { headers: { allow } }), event);
    }
    const base = bareBase(event);
    if (base) return redirect(base);
    return 'redirect' in entry ? redirect(entry.redirect) : fileReply(directory, entry, event);
  };
  return async (event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> => {
    const started = performance.now();
    const { requestId } = event.requestContext;
    setLogContext({ request_id: requestId });
    const reply = answer(event);
    const ms = Math.round((performance.now() - started) * 100) / 100;
    log('info', 'request', { method: event.httpMethod, path: event.path, status: reply.statusCode, ms });
    return { ...reply, headers: { 'x-content-type-options': 'nosniff', 'x-request-id': requestId, ...reply.headers } };
  };
}
