import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, SQSClient } from '@aws-sdk/client-sqs';
import { env } from './env';

// queue URLs of emulators name hosts that do not resolve: the endpoint decides
export const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });

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

const BATCH = 10;

/** JSON of characters that SQS takes: of those that JSON leaves as they are, it refuses two. */
const json = (body: unknown): string =>
  JSON.stringify(body).replace(/[\ufffe\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);

/** The URL of a queue by its role, as the stack gave it to this function: `TASKS` is `TASKS_QUEUE_URL`. */
export const queueUrl = (role: string): string => env(`${role}_QUEUE_URL`);

/** Sends messages in batches of ten, SQS's limit. Throws when any was not taken; those before it may have been. */
export async function send(url: string, messages: QueueMessage[]): Promise<void> {
  for (let start = 0; start < messages.length; start += BATCH) {
    const Entries = messages.slice(start, start + BATCH).map(
      ({ body, text, delaySeconds, attributes }, index): SendMessageBatchRequestEntry => ({
        Id: String(index),
        MessageBody: text ?? json(body),
        ...(delaySeconds ? { DelaySeconds: Math.min(900, Math.ceil(delaySeconds)) } : {}),
        ...(attributes && {
          MessageAttributes: Object.fromEntries(
            Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
          ),
        }),
      }),
    );
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
