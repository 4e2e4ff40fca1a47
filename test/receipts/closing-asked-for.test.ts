import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { type Closings, openClosings } from './closings';
import { intercept, restore, throttled } from './intercept';
import { deliver, expectModel, Model, newShard, shardOf, some, wipe } from './shop';

let { p, analyst, operator, TableName, close, runs, closeWithin, spoil } = {} as Closings;
beforeAll(async () => {
  ({ p, analyst, operator, TableName, close, runs, closeWithin, spoil } = await openClosings());
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(restore);

const ask = (body: unknown = {}, caller = operator, headers = {}) =>
  p.api('POST', '/api/analytics/runs/', { body, headers }, caller);
const event = (body: unknown, receives = 1) => ({
  Records: [
    {
      messageId: 'm',
      receiptHandle: 'r',
      body: JSON.stringify(body),
      attributes: { ApproximateReceiveCount: String(receives), SentTimestamp: String(Date.now()) },
    },
  ],
});
const work = (body: unknown, receives?: number) =>
  p.run<{ batchItemFailures: unknown[] }>('Receipts/CloseAsked/Function', event(body, receives));
const ofRun = async (id: string) => (await runs()).find((run: { id: string }) => run.id === id);
const done = (id: string) => p.settle(async () => (await ofRun(id)).finished_at !== null);

test('asked for, an hour is closed again, changed or not, by operators alone; twice does nothing more', async () => {
  const all = some(3);
  const model = new Model();
  for (const one of all) model.take(one);
  await deliver(p, newShard(), shardOf(all));
  await close();
  for (const place of ['place-1', '']) await spoil(place);
  const body = { hour: '2026-01-31T12:34:56+00:00' };
  expect((await p.api('POST', '/api/analytics/runs/', { body })).status).toBe(401);
  expect((await ask(body, analyst)).status).toBe(403);
  const answer = await ask(body, operator, { 'idempotency-key': 'k' });
  expect(answer).toMatchObject({ status: 202, body: { status: 'queued', trigger: 'request', finished_at: null } });
  expect((await ask(body, operator, { 'idempotency-key': 'k' })).body).toEqual(answer.body);
  await done(answer.body.id);
  const hours = ['2026-01-31T12:00:00.000Z'];
  expect(await ofRun(answer.body.id)).toMatchObject({ status: 'done', hours, receipts: 3, differences: 2 });
  expect(await runs()).toHaveLength(2);
  await expectModel(p, model);
  // the message once more, and the same asked anew
  expect(await work({ run: answer.body.id, hour: '2026-01-31T12' })).toEqual({ batchItemFailures: [] });
  const again = await ask(body);
  await done(again.body.id);
  expect(await ofRun(again.body.id)).toMatchObject({ status: 'done', hours, differences: 0 });
  await expectModel(p, model);
});

test('asked for without an hour, all past ones that changed; an hour to come is refused', async () => {
  const hours = ['2026-01-31T12', '2026-02-01T00'];
  const all = some(4).map((one, n) => ({ ...one, timestamp: `${hours[n % 2]}:10:00.000Z` }));
  await deliver(p, newShard(), shardOf(all));
  const { body } = await ask();
  await done(body.id);
  expect(await ofRun(body.id)).toMatchObject({
    status: 'done',
    hours: hours.reverse().map((hour) => `${hour}:00:00.000Z`),
  });
  const refused = await ask({ hour: new Date(Date.now() + 2 * 3_600_000).toISOString() });
  expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: 'hour' }] } });
});

test('asked for while another is under way: later; in the end the run says that it failed and why', async () => {
  const { body } = await ask();
  const until = new Date(Date.now() + 60_000).toISOString();
  const Item = { pk: 'CLOSING', sk: 'LOCK', owner: 'another', until };
  await documents.send(new PutCommand({ TableName, Item }));
  expect((await work({ run: body.id })).batchItemFailures).toHaveLength(1);
  expect(await ofRun(body.id)).toMatchObject({ status: 'queued' });
  await closeWithin(() => 5_000);
  expect(await runs()).toHaveLength(1);
  expect((await work({ run: body.id }, 5)).batchItemFailures).toHaveLength(0);
  expect(await ofRun(body.id)).toMatchObject({ status: 'failed', error: 'other closings were under way' });
});

test('a failure of what was asked for is noted and not tried again; trouble before it began is tried again', async () => {
  await deliver(p, newShard(), shardOf(some(1)));
  const { body } = await ask();
  intercept('documents', 'UpdateItemCommand', () => Promise.reject(throttled()));
  expect((await work({ run: body.id })).batchItemFailures).toHaveLength(1);
  restore();
  intercept('s3', 'GetObjectCommand', () => Promise.reject(Object.assign(new Error('away'), { name: 'AccessDenied' })));
  expect((await work({ run: body.id })).batchItemFailures).toHaveLength(0);
  restore();
  expect(await ofRun(body.id)).toMatchObject({ status: 'failed', error: expect.stringContaining('away') });
});
