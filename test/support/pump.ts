import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import {
  type _Record as KinesisRecord,
  ListShardsCommand,
  GetShardIteratorCommand as OpenShardCommand,
  GetRecordsCommand as ReadRecordsCommand,
} from '@aws-sdk/client-kinesis';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { kinesis } from '../../lambdas/receipts/stream';
import { invoke, ProcessEnded } from './processes';
import type { Source } from './template';

const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
const streams = new DynamoDBStreamsClient({});
const tables = new DynamoDBClient({});

export interface Lane {
  source: Source;
  /** Gives the function one batch if there is one. @returns how many records or messages it was given */
  once: () => Promise<number>;
}

/** What the platform does with a queue: a batch to the function, deletes what it did not report, shows again what failed. */
function queueLane(source: Source, extra: () => Record<string, string>): Lane {
  const QueueUrl = source.name;
  const show = (ReceiptHandle: string | undefined) =>
    sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
  return {
    source,
    once: async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: source.batchSize,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      if (!Messages.length) return 0;
      const Records = Messages.map(
        (message) =>
          ({
            messageId: message.MessageId,
            receiptHandle: message.ReceiptHandle,
            body: message.Body,
            attributes: message.Attributes,
            messageAttributes: {},
          }) as unknown as SQSRecord,
      );
      try {
        const result = await invoke<SQSBatchResponse>(source.function, { Records }, extra());
        const failed = new Set(result.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        for (const { MessageId = '', ReceiptHandle } of Messages) {
          if (failed.has(MessageId)) await show(ReceiptHandle);
          else await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
      } catch (error) {
        if (!(error instanceof ProcessEnded)) throw error;
        for (const { ReceiptHandle } of Messages) await show(ReceiptHandle);
      }
      return Messages.length;
    },
  };
}

/** What the platform does with a table's stream: the next records in order, the same again until the function returns. */
function streamLane(source: Source, extra: () => Record<string, string>): Lane {
  let iterators: Promise<Map<string, string | undefined>> | undefined;
  const open = async () => {
    const { Table } = await tables.send(new DescribeTableCommand({ TableName: source.name }));
    const StreamArn = Table?.LatestStreamArn;
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
    const all = (StreamDescription?.Shards ?? []).map(async ({ ShardId = '' }) => {
      const command = new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' });
      return [ShardId, (await streams.send(command)).ShardIterator] as const;
    });
    return new Map(await Promise.all(all));
  };
  return {
    source,
    once: async () => {
      iterators ??= open();
      const shards = await iterators;
      let given = 0;
      for (const [shard, ShardIterator] of shards) {
        if (!ShardIterator) continue;
        const { Records = [], NextShardIterator } = await streams.send(
          new GetRecordsCommand({ ShardIterator, Limit: source.batchSize }),
        );
        const wanted = Records.filter(({ eventName }) => eventName === 'INSERT');
        if (wanted.length) {
          try {
            await invoke(source.function, { Records: wanted }, extra());
          } catch (error) {
            if (!(error instanceof ProcessEnded)) throw error;
            given += Records.length;
            continue;
          }
        }
        given += Records.length;
        shards.set(shard, NextShardIterator);
      }
      return given;
    },
  };
}

/** What the platform does with a Kinesis stream: a batch of each shard in turn, the same again until the function returns. */
function kinesisLane(source: Source, extra: () => Record<string, string>): Lane {
  const StreamName = source.name;
  const iterators = new Map<string, string | undefined>();
  const open = async () => {
    const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }));
    const listed = new Set(Shards.map(({ ShardId = '' }) => ShardId));
    for (const shard of iterators.keys()) if (!listed.has(shard)) iterators.delete(shard);
    for (const { ShardId = '' } of Shards) {
      if (iterators.has(ShardId)) continue;
      const command = new OpenShardCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' });
      iterators.set(ShardId, (await kinesis.send(command)).ShardIterator);
    }
  };
  return {
    source,
    once: async () => {
      await open();
      let given = 0;
      for (const [shard, ShardIterator] of iterators) {
        if (!ShardIterator) continue;
        const read = new ReadRecordsCommand({ ShardIterator, Limit: source.batchSize });
        const { Records = [], NextShardIterator } = await kinesis.send(read);
        given += Records.length;
        try {
          if (Records.length) await invoke(source.function, kinesisEvent(shard, Records), extra());
        } catch (error) {
          if (!(error instanceof ProcessEnded)) throw error;
          continue;
        }
        iterators.set(shard, NextShardIterator);
      }
      return given;
    },
  };
}

/** The event that Lambda makes of a shard's records. */
export const kinesisEvent = (shard: string, records: KinesisRecord[]) => ({
  Records: records.map(
    ({ SequenceNumber = '', PartitionKey, Data = new Uint8Array(), ApproximateArrivalTimestamp }) => ({
      eventID: `${shard}:${SequenceNumber}`,
      eventSource: 'aws:kinesis',
      kinesis: {
        sequenceNumber: SequenceNumber,
        partitionKey: PartitionKey,
        data: Buffer.from(Data).toString('base64'),
        approximateArrivalTimestamp: (ApproximateArrivalTimestamp ?? new Date()).getTime() / 1_000,
      },
    }),
  ),
});

const LANES = { queue: queueLane, stream: streamLane, kinesis: kinesisLane };

export const lanesOf = (sources: Source[], extra: () => Record<string, string>): Lane[] =>
  sources.map((source) => LANES[source.kind](source, extra));
