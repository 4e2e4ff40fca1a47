import { type Access, SCOPES } from '../../lambdas/kernel/contract';
import { resourceKey } from '../../lambdas/kernel/credentials';
import { newId } from '../../lambdas/kernel/id';
import { CALLERS, type Caller } from './callers';
import { expectProblem, expectPromised, FACES, type Face, type Faces, openFaces, pathOf, rows } from './faces';
import { tellStories } from './stories';

let faces: Faces;
let thereOf: Awaited<ReturnType<typeof tellStories>>;
beforeAll(async () => {
  faces = await openFaces();
  thereOf = await tellStories(faces, ...new Set(open.map(({ context }) => context)));
}, 180_000);
afterAll(() => faces.close());

/** Who may call an operation, by the promises of the product: roles hold for people and keys alike, users are people. */
function allowedBy({ user, roles = [], scopes = [] }: Access): Set<string> {
  const withRole = (role: string) => [role, `key:${role}`];
  return new Set([
    ...withRole('admin'),
    ...(user ? ['user', 'analyst', ...withRole('operator')] : []),
    ...roles.flatMap(withRole),
    ...scopes.map((scope) => `key:${scope}`),
  ]);
}

const REFUSED = 'you are not allowed to do this';

const closed = FACES.filter(({ operation }) => operation.access !== 'public');
const open = FACES.filter(({ operation }) => operation.access === 'public');

/** A call that fails on its input if it gets that far, so that it changes nothing: no body, nothing that exists. */
const attempt = (face: Face, caller?: Caller, path = pathOf(face)) => faces.send(face, { path }, caller);

test('there is something to test', () => {
  expect(closed.length).toBeGreaterThan(20);
  expect(open.length).toBeGreaterThan(3);
});

describe.each(rows(closed))('%s', (_, face) => {
  const access = face.operation.access as Access;

  test('is closed to whoever does not say who they are, or cannot prove it', async () => {
    const strangers = [
      {},
      { authorization: 'Bearer not.a.token' },
      { authorization: 'Token eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4Iiwicm9sZXMiOlsiYWRtaW4iXX0.' },
      { authorization: `Api-Key mk_00000000_${'A'.repeat(43)}` },
      { 'x-api-key': 'admin' },
      { authorization: 'Basic YWRtaW46YWRtaW4=' },
      { authorization: '' },
    ];
    await Promise.all(
      strangers.map(async (headers) => {
        const path = pathOf(face);
        const reply = await attempt(face, { headers: headers as Record<string, string> }, path);
        expectProblem(reply, path, 401);
        expect(reply.headers['www-authenticate']).toMatch(/^Bearer/);
      }),
    );
  });

  test.each(CALLERS)('for %s as the contract says', async (who) => {
    const path = pathOf(face);
    const reply = await attempt(face, faces.known.get(who), path);
    if (allowedBy(access).has(who)) {
      expect(reply.status).not.toBe(401);
      // a verb may have reasons of its own, like a key that asks for its user
      expect(reply.body?.detail).not.toBe(REFUSED);
      expectPromised(face, reply);
    } else {
      expectProblem(reply, path, 403);
      expect(reply.body.detail).toBe(REFUSED);
    }
  });

  test('a key of one resource opens nothing but that resource, where the contract has it so', async () => {
    process.env['CONTEXT_SECRET_ARN'] = faces.named(
      `${face.context.charAt(0).toUpperCase()}${face.context.slice(1)}/Api`,
    ).environment['CONTEXT_SECRET_ARN'];
    const [own, other] = [newId(), newId()];
    const { resource, scopes = [] } = access;
    await Promise.all(
      SCOPES.map(async (scope) => {
        const caller = { headers: { authorization: `Api-Key ${await resourceKey(scope, own)}` } };
        const at = (id: string) => attempt(face, caller, pathOf(face, resource ? { [resource]: id } : {}));
        const fits = resource !== undefined && scopes.includes(scope);
        expect([scope, (await at(own)).status === 403]).toEqual([scope, !fits]);
        expect([scope, (await at(other)).status]).toEqual([scope, 403]);
      }),
    );
    const forged = (await resourceKey(scopes[0] ?? SCOPES[0], own)).replace(own, other);
    const path = pathOf(face);
    expectProblem(await attempt(face, { headers: { 'x-api-key': forged } }, path), path, 401);
  });
});

describe.each(rows(open))('%s', (_, face) => {
  test('asks nobody who they are, and looks at no credentials', async () => {
    const path = await thereOf(face);
    for (const caller of [undefined, faces.known.get('user'), { headers: { authorization: 'Bearer not.a.token' } }]) {
      const reply = await attempt(face, caller, path);
      expect(reply.status).not.toBe(403);
      expectPromised(face, reply);
      const { status, refuses = {}, body } = face.operation;
      if (!body) expect([status, ...Object.keys(refuses).map(Number)]).toContain(reply.status);
    }
  });
});
