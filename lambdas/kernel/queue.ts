import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, SQSClient } from '@aws-sdk/client-sqs';
import { env, findEnv } from './env';
import { unlogged } from './unlogged';

// queue URLs of emulators name hosts that do not resolve: the endpoint decides
export const sqs = unlogged(new SQSClient({ useQueueUrlAsEndpoint: false }));

export interface QueueMessage {
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it stands, instead of a body. */
  text?: string;
  /** 0 to 900, SQS's limit. */
  delaySeconds?: number;
  /** Text that goes along outside of the body. */
  attributes?: Record<string, string>;
}

/** SQS takes so many messages at once, and of all of them 1 MiB; it was 256 KiB, which emulators still hold to. */
const BATCH = 10;
const BATCH_BYTES = 250_000;

/** JSON of characters that SQS takes: of those that JSON leaves as they are, it refuses two. */
const json = (body: unknown): string =>
  JSON.stringify(body).replace(/[\ufffe\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);

/** Whether this function knows a queue by its role. */
export const hasQueue = (role: string): boolean => findEnv(`${role}_QUEUE_URL`) !== undefined;

/** The URL of a queue by its role, as the stack gave it to this function: `TASKS` is `TASKS_QUEUE_URL`. */
export const queueUrl = (role: string): string => env(`${role}_QUEUE_URL`);

const entryOf = ({ body, text, delaySeconds, attributes }: QueueMessage) => ({
  MessageBody: text ?? json(body),
  ...(delaySeconds ? { DelaySeconds: Math.min(900, Math.ceil(delaySeconds)) } : {}),
  ...(attributes && {
    MessageAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
    ),
  }),
});

function* batches(messages: QueueMessage[]): Generator<SendMessageBatchRequestEntry[]> {
  let batch: SendMessageBatchRequestEntry[] = [];
  let bytes = 0;
  for (const message of messages) {
    const entry = entryOf(message);
    const size = Buffer.byteLength(entry.MessageBody + JSON.stringify(entry.MessageAttributes ?? ''));
    if (batch.length === BATCH || (batch.length && bytes + size > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push({ Id: String(batch.length), ...entry });
    bytes += size;
  }
  if (batch.length) yield batch;
}

/** Sends messages, as many at once as SQS takes. Throws when any was not taken; those before it may have been. */
export async function send(url: string, messages: QueueMessage[]): Promise<void> {
  for (const Entries of batches(messages)) {
    const { Failed } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    if (Failed?.length)
      throw new Error(`${Failed.length} of ${Entries.length} messages were not taken: ${Failed[0]?.Message}`);
  }
}

/** Sends messages to several queues, named by their roles, a batch at a time each. */
export async function sendAll(messages: (QueueMessage & { queue: string })[]): Promise<void> {
  const queues = new Map<string, QueueMessage[]>();
  for (const { queue, ...message } of messages) {
    const batch = queues.get(queue);
    if (batch) batch.push(message);
    else queues.set(queue, [message]);
  }
  await Promise.all([...queues].map(([queue, batch]) => send(queueUrl(queue), batch)));
}
