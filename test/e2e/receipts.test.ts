import { randomUUID } from 'node:crypto';
import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis';
import {
  GetEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { endpointOf } from '../../bin/port';
import { type Deployed, deployed } from '../support/deployed';
import { eventually } from '../support/processes';
import { expectCountedOnce } from './receipts-story';

let stack: Deployed;
let headers: Record<string, string>;
let emulator: { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } };
beforeAll(async () => {
  stack = await deployed();
  headers = await stack.admin();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  emulator = { endpoint: endpointOf(stack.port), region: 'us-east-1', credentials };
});

/** What reads the stream for the function that counts. */
async function consumer() {
  const { EventSourceMappings = [] } = await new LambdaClient(emulator).send(new ListEventSourceMappingsCommand({}));
  const found = EventSourceMappings.find(({ FunctionArn = '' }) => /ReceiptsCount/.test(FunctionArn));
  if (!found) throw new Error('nothing reads the stream of receipts');
  return found;
}

const receiptsOf = (place_id: string, count: number) =>
  Array.from({ length: count }, () => ({
    ...{ transaction_id: randomUUID(), timestamp: '2026-01-31T12:00:00Z', place_id, place_name: 'Market Square 1' },
    items: [{ product_id: 'p', quantity: 1, price: '2.50', category: 'food' }],
    ...{ total_amount: '2.50', nds_amount: '0.10', tips_amount: '0.00', payment_method: 'cash' },
  }));

const purchasesOf = async (place: string): Promise<number> => {
  const { status, body } = await stack.http('GET', `/api/analytics/${place}/`, { headers });
  return status === 404 ? 0 : body.total_purchases;
};

test(
  '300 receipts, each sent twice at 8 connections in random order: 300 counted, every sum exact, books balanced',
  () => expectCountedOnce(stack, 300),
  300_000,
);

test('the consumer is switched off while receipts arrive, then on: all are counted', async () => {
  const lambda = new LambdaClient(emulator);
  const { UUID } = await consumer();
  const turn = async (Enabled: boolean) => {
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
    const state = Enabled ? 'Enabled' : 'Disabled';
    const isTurned = async () => (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State === state;
    await eventually(`the consumer is ${state}`, isTurned, 30_000);
  };
  const place = randomUUID();
  const all = receiptsOf(place, 120);
  await turn(false);
  try {
    // a batch that was read before may still be counted
    const { body } = await stack.http('POST', '/api/checks/', { body: all.slice(0, 60), headers });
    expect(body.accepted).toBe(60);
    await stack.http('POST', '/api/checks/', { body: all.slice(60), headers });
    const { body: books } = await stack.http('GET', '/api/analytics/books/', { headers });
    expect(books.lost).toBe(0);
    expect(books.waiting + (await purchasesOf(place))).toBeGreaterThanOrEqual(120);
  } finally {
    await turn(true);
  }
  await eventually('all are counted', async () => (await purchasesOf(place)) === 120, 60_000);
  const { body } = await stack.http('GET', `/api/analytics/${place}/`, { headers });
  expect(body).toMatchObject({ total_amount: '300.00', average_receipt: '2.50' });
  expect((await stack.http('GET', '/api/analytics/books/', { headers })).body.lost).toBe(0);
}, 150_000);

test('a record that is no receipt does not block its shard, is kept with its reason, and is put back corrected', async () => {
  // HTTP/1.1: emulators cut answers of HTTP/2 at 64 KB
  const kinesis = new KinesisClient({ ...emulator, requestHandler: new NodeHttpHandler() });
  const StreamName = (await consumer()).EventSourceArn?.split('/')[1];
  const place = randomUUID();
  const [poisoned, behind] = receiptsOf(place, 2);
  const payload = `{"transaction_id": "${poisoned?.transaction_id}", "total_amount": "much"}`;
  // one partition key is one shard: the second record is behind the first
  for (const data of [payload, JSON.stringify(behind)]) {
    await kinesis.send(new PutRecordCommand({ StreamName, PartitionKey: 'one', Data: Buffer.from(data) }));
  }
  await eventually('what is behind is counted', async () => (await purchasesOf(place)) === 1, 60_000);
  const { body } = await stack.http('GET', '/api/checks/set-aside/', { headers });
  const kept = body.results.find((one: { payload: string }) => one.payload === payload);
  expect(kept).toMatchObject({ reason: expect.stringContaining('not a receipt'), put_back_at: null });
  const back = await stack.http('POST', `/api/checks/set-aside/${kept.id}/put-back/`, {
    body: { payload: JSON.stringify(poisoned) },
    headers,
  });
  expect([back.status, typeof back.body.put_back_at]).toEqual([200, 'string']);
  await eventually('it is counted', async () => (await purchasesOf(place)) === 2, 60_000);
}, 150_000);

test('an hour is closed when asked for', async () => {
  const body = { hour: '2026-01-31T12:00:00Z' };
  const asked = await stack.http('POST', '/api/analytics/runs/', { body, headers });
  expect(asked.status).toBe(202);
  const run = await eventually(
    'the run has ended',
    async () => {
      const { body } = await stack.http('GET', '/api/analytics/runs/', { headers });
      const found = body.results.find(({ id }: { id: string }) => id === asked.body.id);
      return found?.finished_at ? found : undefined;
    },
    90_000,
  );
  expect(run).toMatchObject({ status: 'done', hours: ['2026-01-31T12:00:00.000Z'], missing: 0, error: null });
}, 120_000);
