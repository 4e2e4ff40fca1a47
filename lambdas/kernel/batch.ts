import { ChangeMessageVisibilityCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type * as z from 'zod';
import { secondsAfter, syncClock, timestamp } from './clock';
import { setAside } from './dead-letter';
import { env } from './env';
import { log, setLogContext } from './log';
import { MAX_RECEIVES } from './names';
import { sqs } from './queue';

/** Thrown by a verb for a message that will never succeed: it goes to the dead letters at once, with this reason. */
export class Hopeless extends Error {
  override readonly name = 'Hopeless';
}

/** Thrown by a verb to see its message again after some time instead of the default. */
export class TryLater extends Error {
  override readonly name = 'TryLater';
  constructor(
    reason: string,
    readonly seconds: number,
  ) {
    super(reason);
  }
}

export interface Receipt {
  /** How often this message was received, this time included. */
  receiveCount: number;
  /** No further time will follow: a failure now is for good. */
  last: boolean;
  /** When it was put into the queue, by the product's clock. */
  sentAt: string;
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

/** 2, 4, 8, 16 s with full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ */
const backoff = (receiveCount: number): number => Math.ceil(Math.random() * 2 ** receiveCount);

const sentAt = ({ attributes: { SentTimestamp } }: SQSRecord): string =>
  secondsAfter(timestamp(), (Number(SentTimestamp ?? Date.now()) - Date.now()) / 1_000);

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

async function retryLater(record: SQSRecord, seconds: number): Promise<void> {
  const QueueUrl = env('SOURCE_QUEUE_URL');
  const VisibilityTimeout = Math.min(43_200, Math.ceil(seconds));
  try {
    await sqs.send(
      new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: record.receiptHandle, VisibilityTimeout }),
    );
  } catch (error) {
    log('warn', 'visibility not changed: the message comes back after the full timeout', { error });
  }
}

/**
 * The handler of a queue: each message is parsed and given to the verb, all of a batch at once. A message that fails comes
 * back after a growing, jittered delay, alone (partial batch response); one that cannot be parsed, is `Hopeless` or failed
 * for the last time goes to the dead letters with its reason. The verb must be safe to run twice.
 */
export function queueHandler<S extends z.ZodType>(
  lane: string,
  schema: S,
  verb: (message: z.output<S>, receipt: Receipt) => Promise<void>,
) {
  const one = async (record: SQSRecord): Promise<boolean> => {
    const receiveCount = Number(record.attributes.ApproximateReceiveCount);
    const last = receiveCount >= MAX_RECEIVES;
    const payload = parseJson(record.body);
    const message = schema.safeParse(payload);
    try {
      if (!message.success) throw new Hopeless(message.error.message);
      await verb(message.data, { receiveCount, last, sentAt: sentAt(record) });
      return true;
    } catch (error) {
      if (last || error instanceof Hopeless) {
        await setAside({ lane, payload, reason: reasonOf(error), attempts: receiveCount });
        return true;
      }
      log('warn', 'message failed, will be tried again', { lane, receive_count: receiveCount, error });
      await retryLater(record, error instanceof TryLater ? error.seconds : backoff(receiveCount));
      return false;
    }
  };

  return async (event: SQSEvent): Promise<SQSBatchResponse> => {
    setLogContext({ lane });
    await syncClock();
    const done = await Promise.allSettled(event.Records.map(one));
    const failed = event.Records.filter((_, index) => {
      const outcome = done[index];
      return outcome?.status !== 'fulfilled' || !outcome.value;
    });
    log('info', 'batch', { messages: event.Records.length, failed: failed.length });
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}
