import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { ORDER } from '../support/example-order';
import { calls, setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import { ProcessEnded } from '../support/processes';

const PATH = '/api/v1/data/orders/';

let p: Platform;
beforeAll(async () => {
  p = await platform('orders');
});
afterAll(() => p.close());
afterEach(() => setFault(undefined));

/** A client as it should be: when no answer comes, it sends the same again with the same key. */
async function order(caller: { headers: Record<string, string> }) {
  const request = { body: ORDER, headers: { 'idempotency-key': 'k1' } };
  const send = () => p.api('POST', PATH, request, caller);
  const answer = await send().catch((error: unknown) => {
    if (error instanceof ProcessEnded) return send();
    throw error;
  });
  expect(answer.status).toBe(201);
  return answer.body.uuid as string;
}

/** Read past the API, so that looking is no call of the chain. */
async function statusOf(uuid: string): Promise<string> {
  const TableName = p.named('Orders/Api').environment['TABLE_NAME'];
  const { Item } = await documents.send(new GetCommand({ TableName, Key: { pk: `ORDER#${uuid}`, sk: 'ORDER' } }));
  return Item?.['status'];
}

/** One order from the client's call to the last of its consequences. */
async function chain(): Promise<{ uuid: string; caller: { headers: Record<string, string> } }> {
  const caller = await p.callers.user();
  const uuid = await order(caller);
  await p.settle(async () => (await statusOf(uuid)) === 'confirmed');
  await p.settle();
  return { uuid, caller };
}

test('the process ends at each await of the chain in turn: one order, one task, one change of status, nothing missing', async () => {
  const operator = await p.callers.user('operator');
  setFault(() => undefined);
  await chain();
  const counted = new Map<string, number>();
  for (const { entry } of calls) counted.set(entry, (counted.get(entry) ?? 0) + 1);
  expect([...counted.keys()].sort()).toEqual(
    ['kernel/relay', 'orders/api', 'orders/deliver', 'orders/record-result', 'orders/work'].sort(),
  );

  for (const [entry, total] of counted) {
    for (let number = 1; number <= total; number++) {
      for (const moment of ['before', 'after'] as const) {
        let ended = false;
        setFault((call) => {
          if (ended || call.entry !== entry || call.number !== number) return undefined;
          ended = true;
          return moment;
        });
        const { uuid, caller } = await chain();
        setFault(undefined);
        const where = `${moment} call ${number} of ${entry}`;
        const own = (await p.api('GET', PATH, {}, caller)).body.results;
        expect([where, own.length, own[0].status, own[0].sequence]).toEqual([where, 1, 'confirmed', 1]);
        const task = (await p.api('GET', `/api/v1/consumer/tasks/${own[0].task_id}/`, {}, operator)).body;
        expect([where, task.state, task.result]).toEqual([where, 'SUCCESS', `TND${own[0].order_key}pending`]);
        const result = (await p.api('GET', `/api/v1/data/task-results/${own[0].task_id}/`, {}, operator)).body;
        expect([where, result.result]).toEqual([where, task.result]);
        const timeline = (await p.api('GET', `${PATH}${uuid}/timeline/`, {}, caller)).body;
        const changes = timeline.events.filter(({ event }: { event: string }) => event === 'status');
        expect([where, changes.length]).toEqual([where, 1]);
      }
    }
  }
}, 300_000);
