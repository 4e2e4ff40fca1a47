import fc from 'fast-check';
import type * as z from 'zod';
import { exampleOf } from '../../lambdas/console/example';
import { proxyEvent } from '../support/gateway';
import {
  bodyOf,
  expectProblem,
  expectPromised,
  FACES,
  type Face,
  type Faces,
  openFaces,
  pathOf,
  type Reply,
  rows,
} from './faces';
import { changedBy, mutationsOf, type RandomChange } from './mutations';

let faces: Faces;
beforeAll(async () => {
  faces = await openFaces();
}, 180_000);
afterAll(() => faces.close());

const anAddress = () => `10.${[0, 0, 0].map(() => Math.floor(Math.random() * 250)).join('.')}`;

/** A call by an admin from an address of its own, so that no throttle stands between the input and its check. */
const send = (face: Face, request: Parameters<Faces['send']>[1]): Promise<Reply> =>
  faces.send(face, { address: anAddress(), ...request }, faces.known.get('admin'));

const taking = FACES.filter(({ operation }) => operation.body);
const asking = FACES.filter(({ operation }) => operation.query && !operation.alias);
const pointing = FACES.filter(({ operation }) => operation.params && !operation.alias);

const AT_ONCE = 16;

describe.each(rows(taking))('the body of %s', (_, face) => {
  const { body: schema, maxBytes = 256 * 1024 } = face.operation;

  test('is refused by the names of its fields, whatever one of them holds', async () => {
    const mutations = mutationsOf(bodyOf(face));
    const hold = async ({ path, what, body }: (typeof mutations)[number]) => {
      const text = JSON.stringify(body) ?? '';
      const at = pathOf(face);
      const reply = await send(face, { path: at, body: text });
      const change = `${path || 'all'} is ${what}`;
      expect([change, reply.status < 500]).toEqual([change, true]);
      expectPromised(face, reply);
      const parsed = schema?.safeParse(JSON.parse(text || 'null'));
      if (parsed?.success) return;
      expectProblem(reply, at, 422);
      const named: string[] = reply.body.errors.map((error: { path: string }) => error.path);
      const issues = parsed?.error.issues.map((issue) => issue.path.join('.')) ?? [];
      expect([change, named.some((one) => issues.some((issue) => one.startsWith(issue)))]).toEqual([change, true]);
      if (path && issues.every((issue) => issue.startsWith(path))) {
        expect([change, named.every((one) => one.startsWith(path))]).toEqual([change, true]);
      }
    };
    // several at a time: those that are taken wait for their tables
    for (let start = 0; start < mutations.length; start += AT_ONCE) {
      await Promise.all(mutations.slice(start, start + AT_ONCE).map(hold));
    }
  }, 180_000);

  test('may hold anything at any of its places, and is answered', async () => {
    const change: fc.Arbitrary<RandomChange> = fc.record({
      place: fc.nat({ max: 1_000 }),
      name: fc.option(fc.string(), { freq: 1 }),
      value: fc.oneof({ weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3 }) }, fc.constant(undefined)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const reply = await send(face, { body: JSON.stringify(changedBy(bodyOf(face), changes)) ?? '' });
        expectPromised(face, reply);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ['broken', '{"a": 1'],
    ['with a trailing comma', '{"a": 1,}'],
    ['with a single quote', "{'a': 1}"],
    ['not a number', '{"a": NaN}'],
    ['another language', '<a>1</a>'],
    ['with a byte order mark', '\ufeff{}'],
    ['endlessly deep', '['.repeat(50_000)],
  ])('is 400 when it is %s', async (_what, body) => {
    const path = pathOf(face);
    expectProblem(await send(face, { path, body }), path, 400);
  });

  test('is 400 when it is not UTF-8, 413 when it is too large, 415 when it is of another type', async () => {
    const path = pathOf(face);
    const headers = { ...faces.known.get('admin')?.headers, 'Content-Type': 'application/json' };
    const event = proxyEvent({
      method: face.operation.method,
      path,
      headers,
      body: Buffer.from([0x22, 0xc3, 0x28, 0x22]).toString('base64'),
    });
    expectProblem(await faces.sendEvent(face.context, { ...event, isBase64Encoded: true }), path, 400);
    expectProblem(await send(face, { path, body: `"${'x'.repeat(maxBytes)}"` }), path, 413);
    const encoded = Buffer.from(`"${'ä'.repeat(maxBytes / 2)}"`).toString('base64');
    expectProblem(await faces.sendEvent(face.context, { ...event, body: encoded, isBase64Encoded: true }), path, 413);
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      'x',
    ]) {
      const reply = await send(face, { path, body: '{}', headers: { 'content-type': type } });
      expectProblem(reply, path, 415);
    }
  });

  test('is read alike in every spelling of its content type, and from an event in base64', async () => {
    const body = JSON.stringify(bodyOf(face));
    const statuses = new Set<number>();
    for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/vnd.api+json']) {
      const path = pathOf(face);
      const headers = { ...faces.known.get('admin')?.headers, 'CONTENT-TYPE': type };
      const event = proxyEvent({ method: face.operation.method, path, headers, body: '[]', address: anAddress() });
      statuses.add((await faces.sendEvent(face.context, event)).status);
      const whole = proxyEvent({ method: face.operation.method, path, headers, body, address: anAddress() });
      const encoded = { ...whole, body: Buffer.from(body).toString('base64'), isBase64Encoded: true };
      expectPromised(face, await faces.sendEvent(face.context, encoded));
    }
    expect([...statuses]).toEqual([422]);
  });
});

test.each(rows(taking.filter(({ operation }) => operation.method === 'PATCH')))(
  'the body of %s is read as what was sent, and nothing else',
  (_, face) => {
    const schema = face.operation.body as z.ZodObject;
    const fields = Object.entries(schema.shape).map(([name, one]) => ({ [name]: exampleOf(one as z.ZodType) }));
    const read = [{}, bodyOf(face) as object, ...fields].map((body) => ({ body, parsed: schema.safeParse(body) }));
    const taken = read.flatMap(({ body, parsed }) => (parsed.success ? [[body, parsed.data] as const] : []));
    expect(taken).not.toHaveLength(0);
    for (const [body, data] of taken) expect([body, Object.keys(data)]).toEqual([body, Object.keys(body)]);
  },
);

const BAD_KEYS = ['', ' ', 'a b', 'x'.repeat(256), 'a\r\nX-Injected: 1', 'ключ', '\u0000'];

describe.each(rows(taking.filter(({ operation }) => operation.idempotent)))('the Idempotency-Key of %s', (_, face) => {
  test.each(BAD_KEYS)('is refused as %j', async (key) => {
    const path = pathOf(face);
    const reply = await send(face, { path, body: bodyOf(face), headers: { 'Idempotency-Key': key } });
    expectProblem(reply, path, 422);
    expect(reply.body.errors[0].path).toBe('Idempotency-Key');
  });
});

const BAD_QUERY = [
  '',
  '%00',
  '-1',
  '0',
  '201',
  '1e3',
  '1.5',
  'NaN',
  'x'.repeat(5_000),
  '%0d%0aX-Injected:1',
  '[]',
  '{}',
  '%ED%A0%80',
  '%F0%9F%92%A9',
];

describe.each(rows(asking))('the query of %s', (_, face) => {
  const names = Object.keys(face.operation.query?.shape ?? {});

  test.each(names)('names %s when it is at fault', async (name) => {
    await Promise.all(
      BAD_QUERY.map(async (value) => {
        const path = pathOf(face);
        const reply = await send(face, { path: `${path}?${name}=${value}` });
        expectPromised(face, reply);
        if (reply.status !== 422) return;
        expectProblem(reply, path, 422);
        expect(reply.body.errors.map((error: { path: string }) => error.path)).toEqual([name]);
      }),
    );
    const twice = await send(face, { path: `${pathOf(face)}?${name}=1&${name}=2` });
    expectPromised(face, twice);
  });

  test('may hold names that nobody knows', async () => {
    for (const name of ['nothing', '__proto__', 'constructor', 'toString', '$where', 'a[b]']) {
      expectPromised(face, await send(face, { path: `${pathOf(face)}?${name}=1` }));
    }
  });
});

const BAD_SEGMENTS = [
  'x',
  '0',
  'null',
  '__proto__',
  '..',
  '%2e%2e%2fetc',
  '%00',
  '%E0%A4%A',
  '%',
  '*',
  "' OR 1=1",
  'a'.repeat(5_000),
  '%0d%0aX-Injected:1',
  '\u202e',
  '💩',
];

describe.each(rows(pointing))('the path of %s', (_, face) => {
  test.each(BAD_SEGMENTS)('leads nowhere with %j', async (segment) => {
    const headers = { ...faces.known.get('admin')?.headers, 'content-type': 'application/json' };
    const body = face.operation.body ? JSON.stringify(bodyOf(face)) : undefined;
    const event = proxyEvent({ method: face.operation.method, path: '/', headers, ...(body && { body }) });
    const names = Object.keys(face.operation.params?.shape ?? {});
    const path = pathOf(face, Object.fromEntries(names.map((name) => [name, segment])));
    const reply = await faces.sendEvent(face.context, { ...event, path });
    expectPromised(face, reply);
    expectProblem(reply, path, 404);
  });
});
