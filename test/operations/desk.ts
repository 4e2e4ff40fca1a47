import { randomUUID } from 'node:crypto';
import { GetQueueAttributesCommand, SendMessageCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { sqs } from '../../lambdas/kernel/queue';
import { messageTo } from '../orders/shop';
import { type Platform, platform } from '../support/platform';

export const LETTERS = '/api/ops/dead-letters/';
export const AT = '2026-01-01T00:00:00.000Z';

/**
 * A private stack, and its desk as an operator has it.
 *
 * @param contexts whose queues and streams `settle` works on, beside those of the desk
 */
export async function openDesk(...contexts: string[]) {
  const p = await platform('operations', ...contexts);
  const operator = await p.callers.user('operator');
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    p.api(method, path, { ...(body !== undefined && { body }), headers }, operator);
  const letters = async (query = '') => (await call('GET', `${LETTERS}${query}`)).body.results;
  return { p, operator, call, letters, inLane: (lane: string) => letters(`?lane=${lane}`) };
}
export type Desk = Awaited<ReturnType<typeof openDesk>>;

/** A task as a message of the queue. */
export const taskMessage = () => ({
  ...messageTo('http://127.0.0.1:9/'),
  task_id: randomUUID(),
  name: 'process_message',
  owner: randomUUID(),
  order: null,
  sequence: 1,
  created_at: AT,
});

/** What a lane's function and its dead letters are called in the functions' settings. */
export const worker = (p: Platform) => p.named('Orders/Work/Function').environment;

/** Gives the worker of tasks a message that it cannot work on. */
export async function poison(p: Platform, body: unknown): Promise<void> {
  const QueueUrl = worker(p)['SOURCE_QUEUE_URL'];
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }));
  await p.settle();
}

/** A message that the platform moved by itself: its function died each time, and nobody said why. */
export async function moved(p: Platform, body: string, { DEAD_LETTERS_QUEUE_URL } = worker(p)): Promise<void> {
  await sqs.send(new SendMessageCommand({ QueueUrl: DEAD_LETTERS_QUEUE_URL, MessageBody: body }));
}

// an emulator is one server: whoever asks it need not wait for others to answer
type Next = (args: { input: { WaitTimeSeconds?: number } }) => Promise<unknown>;
type Stack = { add: (middleware: (next: Next) => Next, options: object) => void };
(sqs.middlewareStack as unknown as Stack).add(
  (next) => (args) =>
    next({ ...args, input: { ...args.input, ...(args.input.WaitTimeSeconds && { WaitTimeSeconds: 0 }) } }),
  { step: 'initialize', name: 'impatient' },
);

export const collect = (p: Platform) => p.run('Operations/Minute', {});

export async function depthOf(QueueUrl: string | undefined): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessages' as const, 'ApproximateNumberOfMessagesNotVisible' as const];
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
}

/** What is received and not deleted is there again at once. */
export const showAgainAtOnce = (QueueUrl: string | undefined) =>
  sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '0' } }));

const put = (TableName: string | undefined, Item: Record<string, unknown>) =>
  documents.send(new PutCommand({ TableName, Item }));

/** A record of the wrong shape, as the profiles keep it. */
export async function setAsideProfile(p: Platform, id: string = randomUUID(), set_aside_at = AT): Promise<string> {
  const said = { resource: 'addresses', reason: 'city: missing', times: 2, set_aside_at, last_seen_at: set_aside_at };
  const item = { pk: `SET_ASIDE#${id}`, sk: 'SET_ASIDE', gsi1pk: 'SET_ASIDE', gsi1sk: id, id, ...said };
  await put(p.named('Profiles/Api').environment['TABLE_NAME'], { ...item, record: JSON.stringify({ uid: id }) });
  return id;
}

/** A record that could not be counted, as the receipts keep it. */
export async function setAsideReceipt(p: Platform, payload: string): Promise<string> {
  const id = randomUUID();
  const said = { shard: 'shard-0', sequence: '1', reason: 'not a receipt', set_aside_at: AT, put_back_at: null };
  const TableName = p.named('Receipts/Api').environment['TABLE_NAME'];
  await put(TableName, { pk: 'SET_ASIDE', sk: id, id, payload, ...said });
  return id;
}
