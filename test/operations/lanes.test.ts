import { randomUUID } from 'node:crypto';
import { DescribeRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { bus } from '../../lambdas/kernel/bus';
import { documents } from '../../lambdas/kernel/documents';
import { sqs } from '../../lambdas/kernel/queue';
import { nextRun } from '../../lambdas/operations/next-run';
import { queued } from '../orders/shop';
import { proxyEvent } from '../support/gateway';
import { type Desk, openDesk, taskMessage, worker } from './desk';

let { p, operator, call } = {} as Desk;
beforeAll(async () => {
  ({ p, operator, call } = await openDesk('orders', 'receipts', 'profiles', 'mailings', 'catalogue', 'audit'));
});
afterAll(() => p.close());

const lane = async (name: string) => {
  const { body } = await call('GET', '/api/ops/queues/');
  return body.results.find((one: { lane: string }) => one.lane === name);
};

test('every lane says what waits in it, and since when at the most', async () => {
  await p.run('Operations/Minute', {});
  expect(await lane('Orders.Work')).toEqual({
    lane: 'Orders.Work',
    context: 'orders',
    role: 'ORDERS_TASKS',
    waiting: 0,
    in_flight: 0,
    delayed: 0,
    dead: 0,
    oldest_since: null,
  });
  const before = new Date().toISOString();
  const QueueUrl = worker(p)['SOURCE_QUEUE_URL'];
  const MessageBody = JSON.stringify(taskMessage());
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, DelaySeconds: 600 }));
  await p.run('Operations/Minute', {});
  const full = await lane('Orders.Work');
  expect(full).toMatchObject({ waiting: 1, delayed: 1 });
  expect(full.oldest_since < before).toBe(true);
  await p.settle();
});

test('every worker of the stack is a lane, every stream is told of, that of receipts with its lag', async () => {
  const { body: queues } = await call('GET', '/api/ops/queues/');
  const workers = p.parts.sources.filter(({ kind }) => kind === 'queue');
  expect(queues.results.map((one: { lane: string }) => one.lane)).toEqual(
    workers.map(({ function: { path } }) => path.replace(/\/Function$/, '').replaceAll('/', '.')).sort(),
  );
  const { body } = await call('GET', '/api/ops/streams/');
  const byName = new Map(body.results.map((one: { stream: string }) => [one.stream, one]));
  expect(byName.get('Receipts.Count')).toMatchObject({ kind: 'kinesis', lag: 0, dead: 0, note: null });
  expect(byName.get('Orders.Relay')).toMatchObject({ kind: 'outbox', lag: null, note: expect.any(String) });
});

test('while the receipts do not answer, the lag of their stream is unknown, and all others are told of', async () => {
  const event = proxyEvent({ method: 'GET', path: '/api/ops/streams/', headers: operator.headers });
  const reply = await p.run<{ statusCode: number; body: string }>('Operations/Api', event, {
    API_URL: 'http://127.0.0.1:9',
  });
  const { results } = JSON.parse(reply.body);
  expect([reply.statusCode, results.length > 5]).toEqual([200, true]);
  const receipts = results.find((one: { stream: string }) => one.stream === 'Receipts.Count');
  expect(receipts).toMatchObject({ lag: null, note: expect.stringContaining('does not answer') });
});

describe('schedules', () => {
  const REPORT = '/api/ops/schedules/Mailings.Report/';
  const rule = async () => {
    const { body } = await call('GET', REPORT);
    return { Name: body.rule as string };
  };

  test('are listed with what they run by', async () => {
    const { body } = await call('GET', '/api/ops/schedules/');
    expect(body.results.length).toBeGreaterThanOrEqual(9);
    expect(body.results.find((one: { name: string }) => one.name === 'Receipts.Close')).toMatchObject({
      context: 'receipts',
      expression: 'cron(1 * * * ? *)',
      enabled: true,
      last_run: null,
      next_run: expect.stringMatching(/:01:00\.000Z$/),
      fixed: false,
    });
    expect((await call('GET', '/api/ops/schedules/No.Such/')).status).toBe(404);
  });

  test('one that is switched off stays off, whatever a deployment does to its rule; each switch is in the trail', async () => {
    const read = await call('GET', REPORT);
    const off = await call('PATCH', REPORT, { enabled: false }, { 'if-match': read.headers['etag'] ?? '' });
    expect([off.status, off.body.enabled, off.body.next_run]).toEqual([200, false, null]);
    expect(off.body.changed_by).toMatch(/^u-/);
    expect((await call('PATCH', REPORT, { enabled: true }, { 'if-match': '"other"' })).status).toBe(412);
    expect((await bus.send(new DescribeRuleCommand(await rule()))).State).toBe('DISABLED');
    await bus.send(new EnableRuleCommand(await rule()));
    await p.run('Operations/Keep', {});
    expect((await call('GET', REPORT)).body.enabled).toBe(false);
    expect((await call('PATCH', REPORT, { enabled: true })).body.enabled).toBe(true);
    await p.run('Operations/Keep', {});
    expect((await call('GET', REPORT)).body.enabled).toBe(true);
    const trail = await p.api('GET', '/api/audit/?entity=schedule', {}, operator, 'audit');
    const [last, first] = trail.body.results;
    expect([first, last]).toMatchObject([
      { operation: 'changeSchedule', entity_id: 'Mailings.Report', after: { enabled: false } },
      { before: { enabled: false }, after: { enabled: true } },
    ]);
  });

  test('of two switches at once of what both have read, one is refused', async () => {
    const headers = { 'if-match': (await call('GET', REPORT)).headers['etag'] ?? '' };
    const switches = [false, true].map((enabled) => call('PATCH', REPORT, { enabled }, headers));
    expect((await Promise.all(switches)).map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  test('the one that keeps the others cannot be switched', async () => {
    expect((await call('PATCH', '/api/ops/schedules/Operations.Keep/', { enabled: false })).status).toBe(409);
  });

  test('know when they ran last, whatever order it is told in', async () => {
    const fired = (at: string) => ({ Records: queued({ schedule: 'Timer.Tick', at }).Records });
    const run = (at: string) => p.run('Operations/Tally/Function', fired(at));
    await run('2026-01-01T00:01:00Z');
    await run('2026-01-01T00:00:00Z');
    const { body } = await call('GET', '/api/ops/schedules/Timer.Tick/');
    expect(body.last_run).toBe('2026-01-01T00:01:00.000Z');
    expect(Date.parse(body.next_run)).toBeGreaterThan(Date.now() - 1_000);
  });

  test('one whose rule has no function is not run', async () => {
    // the copies of the stack that tests work on have rules without functions
    expect((await call('POST', `${REPORT}run/`)).status).toBe(404);
  });
});

test.each([
  ['rate(5 minutes)', '2026-01-31T12:00:10.000Z', '2026-01-31T12:05:10.000Z'],
  ['rate(1 hour)', '2026-01-31T09:00:10.000Z', '2026-01-31T13:00:10.000Z'],
  ['rate(1 minute)', null, undefined],
  ['cron(1 * * * ? *)', null, '2026-01-31T13:01:00.000Z'],
  ['cron(0,30 6 * * ? *)', null, '2026-02-01T06:00:00.000Z'],
  ['cron(0 6 1 * ? *)', null, undefined],
  ['at(2026-01-31T12:00:00)', null, undefined],
])('a schedule %s that ran at %s runs next at %s', (expression, last, next) => {
  expect(nextRun(expression, last, new Date('2026-01-31T12:01:30.000Z'))?.toISOString()).toBe(next);
});

describe('neighbours', () => {
  const neighbours = async (): Promise<Map<string, Record<string, unknown>>> => {
    const { body } = await call('GET', '/api/ops/neighbours/');
    return new Map(body.results.map((one: { name: string }) => [one.name, one]));
  };

  test('are unknown before they were asked for anything', async () => {
    const found = await neighbours();
    expect([...found.keys()]).toEqual(['random-data', 'offers', 'send']);
    for (const one of found.values()) expect(one).toMatchObject({ state: 'unknown', last_success: null });
    expect(found.get('send')).toMatchObject({ faults_link: '/sandbox/send/faults/', circuit: { failures: 0 } });
  });

  test('one that fails is down, with the reason', async () => {
    await p.run('Profiles/FetchUsers', {}, { RANDOM_DATA_API_URL: 'http://127.0.0.1:9', SOURCE_RETRY_MS: '1' });
    expect((await neighbours()).get('random-data')).toMatchObject({
      state: 'down',
      detail: expect.stringMatching(/\S/),
      last_failure: expect.stringMatching(/Z$/),
      recent: { succeeded: 0, failed: 1 },
    });
  });

  test('one that is too slow for a refresh to end is down', async () => {
    const id = randomUUID();
    const run = { id, started_at: new Date(Date.now() - 300_000).toISOString(), segments: {} };
    const Item = { pk: `RUN#${id}`, sk: 'RUN', ...run, gsi1pk: 'RUNS', gsi1sk: id };
    const TableName = p.named('Catalogue/Api').environment['TABLE_NAME'];
    await documents.send(new PutCommand({ TableName, Item }));
    expect((await neighbours()).get('offers')).toMatchObject({
      state: 'down',
      detail: expect.stringContaining('did not end'),
      last_failure: run.started_at,
    });
  });
});

describe('the clock', () => {
  test('of a stage that is not local cannot be moved', async () => {
    const request = (method: string, body?: string) => {
      const headers = { ...operator.headers, 'content-type': 'application/json' };
      const event = proxyEvent({ method, path: '/api/ops/clock/', headers, ...(body && { body }) });
      return p.run<{ statusCode: number; body: string }>('Operations/Api', event, { CLOCK_TABLE: '' });
    };
    expect(JSON.parse((await request('GET')).body)).toMatchObject({ movable: false });
    expect((await request('PUT', '{"offset_seconds": 60}')).statusCode).toBe(403);
  });

  test('of a local stage is moved by an operator, and everything follows', async () => {
    expect((await call('GET', '/api/ops/clock/')).body).toEqual({ offset_seconds: 0, movable: true });
    const moved = await call('PUT', '/api/ops/clock/', { offset_seconds: 86_400 });
    expect([moved.status, moved.body]).toEqual([200, { offset_seconds: 86_400, movable: true }]);
    await p.moveClock(86_400);
    expect((await call('GET', '/api/ops/clock/')).body.offset_seconds).toBe(86_400);
    const trail = await p.api('GET', '/api/audit/?entity=clock', {}, operator, 'audit');
    expect(trail.body.results[0]).toMatchObject({ operation: 'moveClock', after: { offset_seconds: 86_400 } });
    const headers = { 'if-match': (await call('GET', '/api/ops/clock/')).headers['etag'] ?? '' };
    const move = (offset_seconds: number) => call('PUT', '/api/ops/clock/', { offset_seconds }, headers);
    expect((await Promise.all([1, 2].map(move))).map(({ status }) => status).sort()).toEqual([200, 412]);
    await p.moveClock(0);
  });
});
