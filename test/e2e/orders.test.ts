import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Deployed, deployed } from '../support/deployed';
import { ORDER } from '../support/example-order';
import { eventually } from '../support/processes';
import { confirmed, newUser, ORDERS, placeOrder } from './story';

const ROOT = join(__dirname, '..', '..');

let stack: Deployed;
let headers: Record<string, string>;
beforeAll(async () => {
  stack = await deployed();
  headers = await newUser(stack);
});

test("the README's own commands take an order from registration to confirmed", () => {
  const blocks = readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```sh run\n(.*?)^```/gms);
  // the name is free again in each deployment, but the test may run twice on one
  const script = [...blocks]
    .map(([, code = '']) => code)
    .join('\n')
    .replace('"ariana"', `"ariana-${Date.now()}"`);
  const output = execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, MERCATO_PORT: String(stack.port) },
    timeout: 300_000,
  });
  expect(output).toContain('"status":"confirmed"');
  expect(output).toContain('confirmed 50.00\n404 ');
  expect(output).toContain('"state":"registered"');
  expect(output).toContain('"waiting_for":null');
  expect(output).toContain('"accepted":2');
  expect(output).toContain('"total_purchases":1');
  expect(output).toContain('admin changeUser ["analyst"] []');
  expect(output).toMatch(/"action":"retry".*"status":"finished"/);
});

test('fifty orders of one user at once: fifty times 201, distinct keys, all confirmed', async () => {
  // LocalStack's gateway closes some of very many connections: a client then sends the same again
  const place = async (number: number, tries = 5): Promise<Awaited<ReturnType<typeof placeOrder>>> => {
    const known = { ...headers, 'idempotency-key': `of-fifty-${number}` };
    try {
      return await placeOrder(stack, known);
    } catch (error) {
      if (!(error instanceof TypeError) || tries === 0) throw error;
      return place(number, tries - 1);
    }
  };
  const answers = await Promise.all(Array.from({ length: 50 }, (_, number) => place(number)));
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
  expect(new Set(answers.map(({ body }) => body.order_key)).size).toBe(50);
  await eventually(
    'all fifty are confirmed',
    async () => {
      const { body } = await stack.http('GET', `${ORDERS}?status=pending`, { headers });
      return body.results.length === 0 && body.next === null;
    },
    60_000,
  );
});

test('ten times the same at once with one Idempotency-Key: one order, ten equal answers', async () => {
  const other = await newUser(stack);
  const send = () =>
    stack.http('POST', ORDERS, { body: ORDER, headers: { ...other, 'idempotency-key': 'ten-at-once' } });
  const answers = await Promise.all(Array.from({ length: 10 }, send));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
  const [first] = answers;
  for (const { body } of answers) expect(body).toEqual(first?.body);
  const { body } = await stack.http('GET', ORDERS, { headers: other });
  expect(body.results).toHaveLength(1);
  await confirmed(stack, other, first?.body.uuid);
});

test("another user's order is not there", async () => {
  const { body: order } = await placeOrder(stack, headers);
  const stranger = await newUser(stack);
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    const body = method === 'PATCH' ? { body: { address: 'elsewhere' } } : {};
    expect((await stack.http(method, `${ORDERS}${order.uuid}/`, { headers: stranger, ...body })).status).toBe(404);
  }
  expect((await stack.http('GET', `${ORDERS}${order.uuid}/`)).status).toBe(401);
});

test('a path answers with and without its trailing slash, an unknown one with a problem', async () => {
  expect((await stack.http('GET', ORDERS.slice(0, -1), { headers })).status).toBe(200);
  const { status, headers: answered, body } = await stack.http('GET', '/api/v1/nothing/');
  expect(status).toBe(404);
  expect(answered.get('content-type')).toBe('application/problem+json');
  expect(body).toMatchObject({ status: 404, title: 'Not Found', instance: '/api/v1/nothing/' });
});
