import { setTimeout as pause } from 'node:timers/promises';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { env } from '../kernel/env';
import { log } from '../kernel/log';
import { unlogged } from '../kernel/unlogged';

// HTTP/1.1: emulators cut answers of HTTP/2 at 64 KB
export const kinesis = unlogged(new KinesisClient({ requestHandler: new NodeHttpHandler() }));

export interface StreamRecord {
  /** Records of one key are in one shard, in their order. */
  key: string;
  data: string | Buffer;
}

/** PutRecords takes 5 MiB a call, keys included. */
const CALL_BYTES = 4_500_000;
const CALL_RECORDS = 500;

/** 50, 100, 200 ms and so on with full jitter: within the ten seconds of a call of the API. */
const ATTEMPTS = 6;
const delayMs = (attempt: number): number => Math.random() * 50 * 2 ** attempt;

interface Numbered extends StreamRecord {
  index: number;
}

function* calls(records: Numbered[]): Generator<Numbered[]> {
  let part: Numbered[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(record.data) + record.key.length;
    if (part.length === CALL_RECORDS || (part.length && bytes + size > CALL_BYTES)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += size;
  }
  if (part.length) yield part;
}

/** One call. @returns the records that were not taken */
async function put(part: Numbered[]): Promise<Numbered[]> {
  try {
    const { Records = [] } = await kinesis.send(
      new PutRecordsCommand({
        StreamName: env('STREAM_NAME'),
        Records: part.map(({ key, data }) => ({ PartitionKey: key, Data: Buffer.from(data) })),
      }),
    );
    return part.filter((_, index) => Records[index]?.ErrorCode);
  } catch (error) {
    log('warn', 'the stream took nothing', { error });
    return part;
  }
}

/** Stores records durably; those that are refused are sent again, alone. @returns the places of those taken and not taken */
export async function putRecords(records: StreamRecord[]): Promise<{ taken: number[]; refused: number[] }> {
  const refused = new Set(records.keys());
  let left: Numbered[] = records.map((record, index) => ({ ...record, index }));
  for (let attempt = 0; left.length && attempt < ATTEMPTS; attempt++) {
    if (attempt) await pause(delayMs(attempt));
    const failed: Numbered[] = [];
    for (const part of calls(left)) failed.push(...(await put(part)));
    const again = new Set(failed.map(({ index }) => index));
    for (const { index } of left) if (!again.has(index)) refused.delete(index);
    left = failed;
  }
  return { taken: [...records.keys()].filter((index) => !refused.has(index)), refused: [...refused] };
}

/** All shards that still hold records. */
export async function listShards(): Promise<string[]> {
  const shards: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await kinesis.send(
      new ListShardsCommand(NextToken ? { NextToken } : { StreamName: env('STREAM_NAME') }),
    );
    shards.push(...(page.Shards ?? []).map(({ ShardId = '' }) => ShardId));
    NextToken = page.NextToken;
  } while (NextToken);
  return shards;
}

/** How many calls a shard's rest is worth; beyond it only a lower bound is known. */
const CALLS_A_SHARD = 10;

/** How many records a shard holds after a sequence number now, and the first of them: up to ten calls, none begun after `until`. */
export async function readAfter(
  ShardId: string,
  sequence: string | undefined,
  { until, most }: { until: number; most: number },
): Promise<{ found: number; first: string[]; all: boolean }> {
  const { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({
      StreamName: env('STREAM_NAME'),
      ShardId,
      ...(sequence === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: sequence }),
    }),
  );
  let found = 0;
  const first: string[] = [];
  let iterator = ShardIterator;
  for (let call = 0; iterator && call < CALLS_A_SHARD && Date.now() < until; call++) {
    const {
      Records = [],
      NextShardIterator,
      MillisBehindLatest,
    } = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 10_000 }));
    found += Records.length;
    for (const { Data = new Uint8Array() } of Records.slice(0, most - first.length)) {
      first.push(Buffer.from(Data).toString('utf8'));
    }
    if (!MillisBehindLatest) return { found, first, all: true };
    iterator = NextShardIterator;
  }
  return { found, first, all: !iterator };
}
