import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { now } from '../../lambdas/kernel/clock';
import { newId } from '../../lambdas/kernel/id';
import { sqs } from '../../lambdas/kernel/queue';
import { table } from '../../lambdas/kernel/table';
import { platform } from '../support/platform';

/** A private stack with its relay and its timer, whose settings become those of this process. */
export async function openLanes() {
  const on = await platform('orders');
  const settings = on.named('Orders/RecordResult/Function').environment;
  Object.assign(process.env, settings, on.named('Orders/Relay/Function').environment, {
    DEAD_LETTERS_QUEUE_URL: settings['DEAD_LETTERS_QUEUE_URL'],
  });
  return {
    on,
    settings,
    relay: (...Records: DynamoDBRecord[]) => on.run('Orders/Relay/Function', { Records }),
    tick: () => on.run<{ released: number }>('Timer/Tick', {}),
  };
}
export type Lanes = Awaited<ReturnType<typeof openLanes>>;

/** A role that the relay and the timer know, and whose queue nothing works on here. */
export const ROLE = 'ORDERS_RESULTS';

/** Takes all that lies in a queue now. */
export async function take(role: string): Promise<{ body: unknown; attributes: Record<string, string | undefined> }[]> {
  const taken = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: process.env[`${role}_QUEUE_URL`],
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
      }),
    );
    if (!Messages.length) return taken;
    for (const { Body = '', MessageAttributes = {} } of Messages) {
      const attributes = Object.entries(MessageAttributes).map(
        ([name, { StringValue }]) => [name, StringValue] as const,
      );
      taken.push({ body: JSON.parse(Body), attributes: Object.fromEntries(attributes) });
    }
  }
}

export const ahead = (seconds: number): string => new Date(now().getTime() + seconds * 1_000).toISOString();

/** A record of the stream as it shows a new item. */
export const record = (item: Record<string, unknown>, eventName = 'INSERT'): DynamoDBRecord =>
  ({
    eventName,
    dynamodb: { Keys: marshall({ pk: item['pk'], sk: item['sk'] }), NewImage: marshall(item) },
  }) as unknown as DynamoDBRecord;
export const outbox = (...outgoing: unknown[]) =>
  record({ pk: `OUTBOX#${newId()}`, sk: 'OUTBOX', outbox: outgoing, created_at: ahead(0), expires_at: 1 });

export const timers = table('TIMERS_TABLE');
