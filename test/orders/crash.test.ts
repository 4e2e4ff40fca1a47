import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { ORDER } from '../support/example-order';
import { calls, setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { ProcessEnded } from '../support/processes';
import {
  closeReceivers,
  DELIVERIES,
  messageTo,
  PROCESS,
  queued,
  RESULTS,
  type Received,
  read,
  receiver,
  SEND,
  TASKS,
} from './shop';

const PATH = '/api/v1/data/orders/';

let p: Platform;
let operator: Caller;
beforeAll(async () => {
  p = await platform('orders');
  operator = await p.callers.user('operator');
});
afterAll(() => Promise.all([closeReceivers(), p.close()]));
afterEach(() => setFault(undefined));

/** As the platform does when a function died, and as a client should: the same again. */
const again = <T>(run: () => Promise<T>): Promise<T> =>
  run().catch((error: unknown) => {
    if (error instanceof ProcessEnded) return run();
    throw error;
  });

/** A client as it should be: when no answer comes, it sends the same again with the same key. */
async function order(caller: Caller) {
  const request = { body: ORDER, headers: { 'idempotency-key': 'k1' } };
  const answer = await again(() => p.api('POST', PATH, request, caller));
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
async function chain() {
  const caller = await p.callers.user();
  const uuid = await order(caller);
  await p.settle(async () => (await statusOf(uuid)) === 'confirmed');
  await p.settle();
  return { uuid, caller };
}

/** Lets something happen once for each call that it makes to AWS, ended before and after that one, and looks at what came of it. */
async function endedAtEachCall<T>(
  entries: string[],
  happen: () => Promise<T>,
  hold: (thing: T, where: string) => unknown,
) {
  setFault(() => undefined);
  await happen();
  const counted = new Map<string, number>();
  for (const { entry } of calls) counted.set(entry, (counted.get(entry) ?? 0) + 1);
  expect([...counted.keys()].sort()).toEqual(entries);

  for (const [entry, total] of counted) {
    for (let number = 1; number <= total; number++) {
      for (const moment of ['before', 'after'] as const) {
        let ended = false;
        setFault((call) => {
          if (ended || call.entry !== entry || call.number !== number) return undefined;
          ended = true;
          return moment;
        });
        const thing = await happen();
        setFault(undefined);
        await hold(thing, `${moment} call ${number} of ${entry}`);
      }
    }
  }
}

const CHAIN = ['kernel/relay', 'orders/api', 'orders/deliver', 'orders/record-result', 'orders/work'];

test('the process ends at each await of the chain in turn: one order, one task, one change of status, nothing missing', async () => {
  await endedAtEachCall(CHAIN, chain, async ({ uuid, caller }, where) => {
    const own = (await p.api('GET', PATH, {}, caller)).body.results;
    expect([where, own.length, own[0].status, own[0].sequence]).toEqual([where, 1, 'confirmed', 1]);
    const task = await read(p, operator, `${TASKS}${own[0].task_id}/`);
    expect([where, task.state, task.result]).toEqual([where, 'SUCCESS', `TND${own[0].order_key}pending`]);
    const result = await read(p, operator, `${RESULTS}${own[0].task_id}/`);
    expect([where, result.result]).toEqual([where, task.result]);
    const timeline = await read(p, caller, `${PATH}${uuid}/timeline/`);
    const changes = timeline.events.filter(({ event }: { event: string }) => event === 'status');
    expect([where, changes.length]).toEqual([where, 1]);
  });
}, 300_000);

/** What a caller's receiver got for a delivery, and what was noted: it went there, and that counts once. */
async function holdDelivered({ task_id, got }: { task_id: string; got: Received[] }, where: string, codes: number[]) {
  const { id, status, attempts } = await read(p, operator, `${DELIVERIES}msg_${task_id}/`);
  const noted = attempts.map(({ status_code }: { status_code: number }) => status_code);
  expect([where, status, noted]).toEqual([where, 'delivered', codes]);
  expect([where, new Set(got.map(({ headers }) => headers['webhook-id']))]).toEqual([where, new Set([id])]);
}

test('the same for a message with a callback: one task, one delivery that is noted once', async () => {
  const sent = async () => {
    const caller = await p.callers.apiKey({ scopes: ['messages:send'] });
    const { url, received: got } = await receiver();
    const request = { body: messageTo(url), headers: { 'idempotency-key': 'k1' } };
    const { task_id } = (await again(() => p.api('POST', SEND, request, caller))).body;
    await p.settle(async () => got.length > 0);
    await p.settle();
    return { task_id, got };
  };
  await endedAtEachCall(CHAIN, sent, async (message, where) => {
    await holdDelivered(message, where, [200]);
    const task = await read(p, operator, `${TASKS}${message.task_id}/`);
    expect([where, task.state]).toEqual([where, 'SUCCESS']);
    expect([where, (await read(p, operator, `${RESULTS}${message.task_id}/`)).state]).toEqual([where, 'SUCCESS']);
  });
}, 300_000);

test('the same for a delivery that failed once before', async () => {
  const failedOnce = async () => {
    const hook = await receiver((response) => response.writeHead(500).end());
    const { task_id } = (await p.api('POST', PROCESS, { body: messageTo(hook.url) }, operator)).body;
    const turn = (number: number) => p.run('Orders/Callback/Function', queued({ id: `msg_${task_id}`, turn: number }));
    await turn(1);
    hook.answerWith((response) => response.end());
    return { task_id, got: hook.received, again: () => turn(2) };
  };
  // those that fail are made before any fault
  const ready: Awaited<ReturnType<typeof failedOnce>>[] = [];
  for (let count = 0; count < 20; count++) ready.push(await failedOnce());
  const deliver = async () => {
    const one = ready.pop();
    if (!one) throw new Error('more calls than were thought of');
    await again(one.again);
    return one;
  };
  await endedAtEachCall(['orders/deliver'], deliver, (message, where) => holdDelivered(message, where, [500, 200]));
}, 300_000);
