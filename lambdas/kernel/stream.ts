import type { KinesisStreamEvent } from 'aws-lambda';
import { syncClock } from './clock';
import { setLogContext } from './log';

/** A record of a Kinesis stream. */
export interface ShardRecord {
  sequence: string;
  /** When the stream took it. */
  arrived_at: string;
  data: Buffer;
}

/**
 * The handler of a Kinesis stream: gives the verb a batch of one shard, in order. The verb deals with bad records itself
 * and throws for passing trouble only: the whole batch then comes again, maybe cut elsewhere.
 */
export const streamHandler =
  (verb: (shard: string, records: ShardRecord[]) => Promise<void>) =>
  async ({ Records }: KinesisStreamEvent): Promise<void> => {
    const [shard = ''] = Records[0]?.eventID.split(':') ?? [];
    setLogContext({ shard });
    await syncClock();
    await verb(
      shard,
      Records.map(({ kinesis: { sequenceNumber, data, approximateArrivalTimestamp } }) => ({
        sequence: sequenceNumber,
        arrived_at: new Date(approximateArrivalTimestamp * 1_000).toISOString(),
        data: Buffer.from(data, 'base64'),
      })),
    );
  };
