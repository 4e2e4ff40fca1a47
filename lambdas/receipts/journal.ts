import { setTimeout as pause } from 'node:timers/promises';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { env } from '../kernel/env';
import { log } from '../kernel/log';
import { table, type Write, writeOne } from '../kernel/table';
import { isAfter } from './lanes';
import { hourOf } from './totals';

// a bucket's own host name does not resolve on emulators
export const s3 = new S3Client({ forcePathStyle: true });

/** The partition of the journal's objects by arrival. */
export const ARRIVALS = 'ARRIVALS';

/** One line of the journal: what arrived, as it arrived. */
export const JournalLine = z.object({
  sequence: z.string(),
  arrived_at: z.string(),
  /** The record as text; in base64 when it is none. */
  data: z.string(),
  base64: z.literal(true).optional(),
});
export type JournalLine = z.output<typeof JournalLine>;

export interface JournalEntry extends JournalLine {
  /** The receipt's own time; undefined for what is no receipt. */
  timestamp: string | undefined;
}

/** The keys sort as the sequence numbers of Kinesis do: 56 digits. */
const keyOf = (lane: string, sequence: string): string => `receipts/${lane}/${sequence.padStart(56, '0')}.ndjson`;

const lineOf = ({ timestamp: _, ...line }: JournalEntry): string => `${JSON.stringify(line)}\n`;

/** Writes an object unless there is one. @returns the last sequence number of the one that was there */
async function writeOnce(Key: string, entries: JournalEntry[]): Promise<string | undefined> {
  const Bucket = env('JOURNAL_BUCKET');
  const last = entries.at(-1)?.sequence ?? '';
  const Body = entries.map(lineOf).join('');
  try {
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key,
        Body,
        ContentType: 'application/x-ndjson',
        IfNoneMatch: '*',
        Metadata: { last },
      }),
    );
    return undefined;
  } catch (error) {
    if ((error as Error).name !== 'PreconditionFailed') throw error;
    const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    return Metadata?.['last'] ?? last;
  }
}

/**
 * Where the closing finds what counts in an hour. @returns the write by which the list of receipts finds what came last: it
 * belongs to the transaction that counts them, so that of several tries one is listed
 */
async function index(key: string, lane: string, entries: JournalEntry[]): Promise<Write> {
  const hours = new Set(entries.flatMap(({ timestamp }) => (timestamp === undefined ? [] : [hourOf(timestamp)])));
  await Promise.all([...hours].map((hour) => writeOne(table().put({ pk: `JOURNAL#${hour}`, sk: key, key, lane }))));
  return table().put({ pk: ARRIVALS, sk: `${entries[0]?.arrived_at}#${key}`, key, lane, lines: entries.length });
}

/**
 * Appends what arrived in a lane, in order. An object's key is its lane and first sequence number and no object is ever
 * written over: a retry finds what it wrote before, and after another cut goes on behind it. Cost: one object, and one
 * write unit for each hour in it. @returns the writes that enter what is appended into the list of receipts
 */
export async function append(lane: string, entries: JournalEntry[]): Promise<Write[]> {
  const arrivals: Write[] = [];
  let rest = entries;
  while (rest[0]) {
    const key = keyOf(lane, rest[0].sequence);
    const last = await writeOnce(key, rest);
    const within = last === undefined ? rest : rest.filter(({ sequence }) => !isAfter(sequence, last));
    arrivals.push(await index(key, lane, within));
    rest = rest.slice(within.length);
  }
  return arrivals;
}

/** As `append`, of one receipt that came by no shard; `id` is the same for every try. */
export async function appendOne(lane: string, id: string, entry: JournalEntry): Promise<Write> {
  const key = keyOf(lane, id);
  await writeOnce(key, [entry]);
  return index(key, lane, [entry]);
}

/** Keeps a payload that is too large for an item. @returns the object's key */
export async function keepPayload(id: string, Body: string): Promise<string> {
  const Key = `set-aside/${id}`;
  await s3.send(new PutObjectCommand({ Bucket: env('JOURNAL_BUCKET'), Key, Body }));
  return Key;
}

export const JournalObject = z.object({
  sk: z.string(),
  key: z.string(),
  lane: z.string(),
  /** How many of its lines the list shows: those behind were cut off on a retry, and are in the next object too. */
  lines: z.int().optional(),
});
export type JournalObject = z.output<typeof JournalObject>;

const READS = 4;

/** An object's text. The SDK repeats a call that fails, but not an answer that breaks off in its midst. */
export async function textOf(Key: string): Promise<string> {
  for (let read = 1; ; read++) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: env('JOURNAL_BUCKET'), Key }));
    try {
      return (await Body?.transformToString()) ?? '';
    } catch (error) {
      if (read === READS) throw error;
      log('warn', 'an object broke off, reading it again', { key: Key, error });
      await pause(Math.random() * 25 * 2 ** read);
    }
  }
}

/** The lines of an object, in order. */
export async function readObject(key: string): Promise<JournalLine[]> {
  const text = await textOf(key);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JournalLine.parse(JSON.parse(line)));
}

/** The objects that hold receipts of an hour. */
export async function* journalOf(hour: string): AsyncGenerator<JournalObject> {
  let startKey: Record<string, unknown> | undefined;
  do {
    const range = { partition: `JOURNAL#${hour}`, ascending: true, startKey, consistent: true };
    const { items, lastKey } = await table().query(JournalObject, range);
    yield* items;
    startKey = lastKey;
  } while (startKey);
}
