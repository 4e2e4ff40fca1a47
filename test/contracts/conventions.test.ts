import type { Operation } from '../../lambdas/kernel/contract';
import { proxyEvent } from '../support/gateway';
import {
  expectProblem,
  expectPromised,
  FACES,
  type Face,
  type Faces,
  freshBodyOf,
  openFaces,
  pathOf,
  type Reply,
  rows,
} from './faces';
import { isTold, tellStories } from './stories';

let faces: Faces;
let thereOf: Awaited<ReturnType<typeof tellStories>>;
beforeAll(async () => {
  faces = await openFaces();
  thereOf = await tellStories(faces);
}, 180_000);
afterAll(() => faces.close());

const byAdmin = (face: Face, request: Parameters<Faces['send']>[1] = {}): Promise<Reply> =>
  faces.send(face, request, faces.known.get('admin'));

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];

/** One operation of each path, with all methods of that path. */
const PATHS = [...new Map(FACES.map((face) => [`${face.context} ${face.operation.path}`, face])).values()].map(
  (face) => {
    const there = FACES.filter(({ operation }) => operation.path === face.operation.path);
    const methods = there.map(({ operation }) => operation.method as string);
    return { face, methods: methods.includes('GET') ? [...methods, 'HEAD'] : methods };
  },
);

describe.each(PATHS.map((one) => [one.face.operation.path, one] as const))('%s', (_, { face, methods }) => {
  test('says which methods it has to whoever asks by another', async () => {
    for (const method of METHODS.filter((one) => !methods.includes(one))) {
      const path = pathOf(face);
      const reply = await faces.send(face, { method, path });
      expect(reply.status).toBe(405);
      if (method !== 'HEAD') expectProblem(reply, path, 405);
      expect(reply.headers['allow']?.split(', ').sort()).toEqual([...methods].sort());
    }
  });

  test('answers with and without a trailing slash, and nothing beside it', async () => {
    const path = pathOf(face).replace(/\/$/, '');
    const body = face.operation.body ? '{' : undefined;
    const without = await byAdmin(face, { path, body });
    const withSlash = await byAdmin(face, { path: `${path}/`, body });
    expect(withSlash.status).toBe(without.status);
    expect(without.status).not.toBe(405);
    if (body) expect(without.status).toBe(400);
    for (const beside of [`${path}x`, `${path}//`, `/${path}`, `${path}/nothing/at/all`]) {
      const event = proxyEvent({ method: 'GET', path: '/', ...faces.known.get('admin') });
      expectProblem(await faces.sendEvent(face.context, { ...event, path: beside }), beside, 404);
    }
  });
});

/** A thing of the story stands for a path's parameters; without a story only paths without parameters are real. */
const isReal = (face: Face): boolean => isTold(face) || !face.operation.path.includes('{');
const isList = ({ query, returns }: Operation): boolean =>
  Boolean(query && 'cursor' in query.shape && returns && 'shape' in returns);
const lists = FACES.filter((face) => isList(face.operation) && !face.operation.alias && isReal(face));

/** The limit of a mailing's log counts messages, and each has several lines. */
const IN_GROUPS = new Set(['getMailingLog']);

/** Makes a few of what a list shows, where it has a POST of its own. */
async function fill({ operation }: Face): Promise<void> {
  const maker = FACES.find(({ operation: other }) => other.path === operation.path && other.method === 'POST');
  for (let made = 0; maker && made < 3; made++) {
    const reply = await byAdmin(maker, { body: freshBodyOf(maker) });
    expectPromised(maker, reply);
  }
}

/** Of the list of all changes there are more. */
const PAGES = 20;

/** A cursor of each list that has a second page, as the walk through it found it. */
const cursors = new Map<Face, string>();

const cursorOf = (next: string): string => new URL(next, 'http://x').searchParams.get('cursor') ?? '';

describe.each(rows(lists))('the list %s', (_, face) => {
  test('answers pages of what was asked for, each thing once, and says where the next is', async () => {
    await fill(face);
    const path = await thereOf(face);
    const whole = await byAdmin(face, { path: `${path}?limit=200` });
    expect(whole.status).toBe(200);
    const { results, next: rest } = whole.body;
    if (isTold(face)) expect(results).not.toHaveLength(0);
    expect(rest === null).toBe(results.length < 200);
    const pieces: unknown[] = [];
    let next: string | null = `${path}?limit=1`;
    for (let page = 0; next !== null && page < PAGES; page++) {
      const { status, body }: Reply = await byAdmin(face, { path: next });
      expect(status).toBe(200);
      if (!IN_GROUPS.has(face.name)) expect(body.results.length).toBeLessThanOrEqual(1);
      if (body.next !== null) expect(body.next).toMatch(/^\/[^?]+\/\?.*limit=1.*cursor=/);
      pieces.push(...body.results);
      next = body.next;
      if (next !== null) cursors.set(face, cursorOf(next));
    }
    expect(pieces).toEqual(results.slice(0, PAGES));
  });

  test('takes a limit from 1 to 200', async () => {
    const path = await thereOf(face);
    for (const limit of ['0', '201', '-1', '1.5', 'ten', '']) {
      const reply = await byAdmin(face, { path: `${path}?limit=${limit}` });
      expectProblem(reply, path, 422);
      expect(reply.body.errors[0].path).toBe('limit');
    }
  });
});

describe('of all lists', () => {
  test('most have a second page to go on to', () => expect(cursors.size).toBeGreaterThan(lists.length / 2));

  test.each(rows(lists))('%s takes no cursor but its own', async (_, face) => {
    const path = await thereOf(face);
    const foreign = [...cursors].flatMap(([of, cursor]) => (of === face ? [] : [cursor]));
    for (const cursor of [...foreign, '', 'x', 'A'.repeat(100), Buffer.alloc(40).toString('base64url')]) {
      const reply = await byAdmin(face, { path: `${path}?cursor=${cursor}` });
      expectProblem(reply, path, 422);
      expect(reply.body.errors).toEqual([{ path: 'cursor', message: expect.any(String) }]);
    }
  });
});

const readable = FACES.filter(({ operation }) => operation.method === 'GET' && operation.returns);

describe.each(rows(readable))('what is read at %s', (_, face) => {
  const look = async () => {
    const path = isReal(face) ? await thereOf(face) : pathOf(face);
    const reply = await byAdmin(face, { path });
    expectPromised(face, reply);
    if (isTold(face)) expect(reply.status).toBe(200);
    if (reply.status !== 200) return;
    const etag = reply.headers['etag'] ?? '';
    expect(etag).toMatch(/^"[\w-]+"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await byAdmin(face, { path, headers: { 'IF-NONE-MATCH': known } });
      expect([known, again.status, again.text, again.headers['etag']]).toEqual([known, 304, '', etag]);
    }
    expect((await byAdmin(face, { path, headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    const head = await byAdmin(face, { path, method: 'HEAD' });
    expect([head.status, head.text, head.headers['etag']]).toEqual([200, '', etag]);
  };

  test('carries its version, and is not sent again to whoever has it', async () => {
    const minute = () => Math.floor(Date.now() / 60_000);
    const begun = minute();
    try {
      await look();
    } catch (error) {
      // prices and tasks by the minute are others in the next one
      if (minute() === begun) throw error;
      await look();
    }
  });
});

const making = FACES.filter(
  ({ operation }) => operation.idempotent && !operation.alias && !operation.path.includes('{'),
);

describe.each(rows(making))('the Idempotency-Key of %s', (_, face) => {
  test('gives one effect and equal answers to ten calls at once, and refuses another body', async () => {
    const path = pathOf(face);
    const headers = { 'idempotency-key': `key of ${face.name}`.replaceAll(' ', '-') };
    const body = (face.operation.body || face.operation.consumes) && freshBodyOf(face);
    const replies = await Promise.all(Array.from({ length: 10 }, () => byAdmin(face, { path, headers, body })));
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(replies[0]?.status).toBe(face.operation.status);
    expect(replies.filter((one) => one.headers['idempotency-replayed'] === 'true')).toHaveLength(9);
    const later = await byAdmin(face, { path, headers, body });
    expect([later.text, later.headers['idempotency-replayed']]).toEqual([replies[0]?.text, 'true']);
    if (!face.operation.body) return;
    const other = await byAdmin(face, { path, headers, body: ` ${JSON.stringify(body)}` });
    expectProblem(other, path, 422);
    expect(other.body.errors[0].path).toBe('Idempotency-Key');
  });
});
