import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { FACES, type Faces, openFaces, type Reply, rows } from '../contracts/faces';
import { preparations } from './prepared';

let faces: Faces;
let on: ReturnType<typeof preparations>;
beforeAll(async () => {
  faces = await openFaces();
  on = preparations(faces);
}, 180_000);
afterAll(() => faces.close());

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of entries
type Entry = any;

/** The entries of one call, as their readers get them. */
async function entriesOf(reply: Reply): Promise<Entry[]> {
  const list = await faces.api('GET', '/api/audit/?limit=200', {}, faces.known.get('admin'), 'audit');
  return list.body.results.filter((one: Entry) => one.request_id === reply.headers['x-request-id']);
}

const changing = FACES.filter(({ operation }) => operation.method !== 'GET');
// those of operations need dead letters and rules: their own tests look for the entries
const told = changing.filter(({ context, operation }) => !operation.unaudited && context !== 'operations');
const untold = changing.filter(({ operation }) => operation.unaudited !== undefined);

test('every operation that is no reading says what it changes, or why it leaves no entry', () => {
  const silent = changing.filter(({ operation: { changes, unaudited } }) => Boolean(changes) === Boolean(unaudited));
  expect(silent.map(({ context, name }) => `${context}.${name}`)).toEqual([]);
});

describe.each(rows(told))('%s', (_, face) => {
  const { method, changes: [entity] = [''], idempotent } = face.operation;

  test('leaves one entry, which says who did what to what; a refusal and a repeat leave none', async () => {
    const prepared = await on.prepare(face);
    const headers = { ...prepared.headers, ...(idempotent && { 'idempotency-key': `key-of-${face.name}` }) };
    const reply = await on.send(face, { ...prepared, headers });
    expect([reply.status, reply.text]).toEqual([face.operation.status, expect.anything()]);
    const entries = await entriesOf(reply);
    // an operation on many has one for each
    if (face.name === 'replayDeliveries') expect(entries.length).toBeGreaterThan(0);
    else expect(entries).toHaveLength(1);
    const [entry] = entries;
    expect(entry).toMatchObject({ context: face.context, operation: face.name, method, entity, bulk_id: null });
    expect(entry.who.kind).toBe(face.operation.access === 'public' ? 'anonymous' : 'user');
    expect(entry.entity_id).toMatch(/^[\w-]{8,}$/);
    if (prepared.id) expect(entry.entity_id).toBe(prepared.id);
    expect(Math.abs(Date.now() - Date.parse(entry.at))).toBeLessThan(60_000);
    if (method === 'DELETE') expect(Object.keys(entry.before)).not.toHaveLength(0);
    if (method === 'PUT' || method === 'PATCH') expect(entry.before).not.toEqual(entry.after);

    const refused = await on.send(face, { ...prepared, id: prepared.id && 'nothing-here', body: '"nonsense"' });
    if (refused.status >= 400) expect(await entriesOf(refused)).toEqual([]);
    if (!idempotent) return;
    const again = await on.send(face, { ...prepared, headers });
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await entriesOf(again)).toEqual([]);
  });
});

test('nothing else leaves entries, and the reasons are few', async () => {
  const reasons = new Set(untold.map(({ operation }) => operation.unaudited));
  expect(reasons.size).toBeLessThanOrEqual(4);
  for (const face of untold) {
    const reply = await on.send(face, {});
    expect([face.name, await entriesOf(reply)]).toEqual([face.name, []]);
  }
});

test('the first admin is told as the work of the deployment', async () => {
  const { body } = await faces.api('GET', '/api/audit/?who=system', {}, faces.known.get('admin'), 'audit');
  expect(body.results).toEqual([
    expect.objectContaining({
      operation: 'makeFirstAdmin',
      who: { kind: 'system', id: 'system', name: 'deployment' },
      before: null,
      after: expect.objectContaining({ username: 'admin', roles: ['admin'] }),
    }),
  ]);
});

test('what became of users, roles and keys is told to admins alone', async () => {
  const see = (who: string, path: string) => faces.api('GET', `/api/audit/${path}`, {}, faces.known.get(who), 'audit');
  const [entry] = (await see('admin', '?context=identity')).body.results;
  expect(entry.context).toBe('identity');
  expect((await see('operator', `${entry.id}/`)).status).toBe(404);
  for (const query of ['limit=200', 'context=identity', 'entity=user', `who=${entry.who.id}`]) {
    const { body } = await see('operator', `?${query}`);
    expect(body.results.filter((one: Entry) => one.context === 'identity')).toEqual([]);
  }
  expect((await see('operator', '?limit=200')).body.results).not.toHaveLength(0);
});

/** Passwords, their hashes, API keys and their hashes, refresh and access tokens, webhook secrets and signatures. */
const SECRETS =
  /\$argon2|correct horse|other batteries|mk_\w{8}_|rt_[0-9a-f-]{36}_|whsec_|eyJ[\w-]+\.|v1,|[0-9a-f]{64}/;

test('no secret ever landed in the trail, though fields that changed are named', async () => {
  const { Items = [] } = await documents.send(
    new ScanCommand({ TableName: faces.named('Audit/Api').environment['AUDIT_TABLE'] }),
  );
  expect(Items.length).toBeGreaterThan(40);
  expect(Items.filter((item) => SECRETS.test(JSON.stringify(item)))).toEqual([]);
  const withheld = new Set(Items.flatMap((item) => item['withheld']));
  expect([...withheld].sort()).toEqual(['hashes', 'password_hash']);
});
