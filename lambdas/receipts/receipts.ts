import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { BatchExecuteStatementCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { documents } from '../kernel/documents';
import { env } from '../kernel/env';
import { toUnits } from '../kernel/money';
import { inParallel } from '../kernel/parallel';
import { notFound } from '../kernel/problem';
import { type Key, table, type Write } from '../kernel/table';
import { Id, type NewReceipt, type Receipt } from './schema';

/** A receipt as stored: its content as one text, and the record that made it. */
const StoredReceipt = z.object({
  receipt: z.string(),
  hash: z.string(),
  lane: z.string(),
  sequence: z.string(),
  arrived_at: z.string(),
});
export type StoredReceipt = z.output<typeof StoredReceipt>;

const keyOf = (transactionId: string): Key => ({ pk: `RECEIPT#${transactionId}`, sk: 'RECEIPT' });

const sorted = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** Tells whether two receipts are the same: whatever the order of their fields, and however their amounts were written. */
export const hashOf = (receipt: NewReceipt): string =>
  createHash('sha256').update(JSON.stringify(receipt, sorted)).digest('base64url');

/** Of a text that may be a receipt; undefined for what else came through the stream, which may say anything there. */
export function transactionIdOf(text: string): string | undefined {
  try {
    return Id.safeParse((JSON.parse(text) as NewReceipt).transaction_id).data;
  } catch {
    return undefined;
  }
}

/** What was sent, from the item. */
export const contentOf = ({ receipt }: StoredReceipt): NewReceipt => JSON.parse(receipt) as NewReceipt;

/** A receipt as callers see it. */
export function shown(receipt: NewReceipt): z.input<typeof Receipt> {
  const sum = receipt.items.reduce((total, { price, quantity }) => total + toUnits(price) * BigInt(quantity), 0n);
  return { ...receipt, total_mismatch: sum !== toUnits(receipt.total_amount) };
}

export const findReceipt = (transactionId: string): Promise<StoredReceipt | undefined> =>
  table().find(StoredReceipt, keyOf(transactionId));

export async function getReceipt(transactionId: string): Promise<z.input<typeof Receipt>> {
  const stored = await findReceipt(transactionId);
  if (!stored) throw notFound('receipt');
  return shown(contentOf(stored));
}

const MANY = 100; // BatchGetItem's limit
/** Calls at once of one function. */
export const AT_ONCE = 8;

/** Runs over parts of a list, some at a time. */
export async function inParts<T>(all: T[], size: number, run: (part: T[]) => Promise<void>): Promise<void> {
  const parts = Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
  await inParallel(AT_ONCE, parts, run);
}

/** Those of the receipts that are stored, by transaction id. */
export async function findReceipts(transactionIds: Iterable<string>): Promise<Map<string, StoredReceipt>> {
  const found = new Map<string, StoredReceipt>();
  await inParts([...new Set(transactionIds)], MANY, async (part) => {
    for (const one of await table().findMany(StoredReceipt, part.map(keyOf))) {
      found.set(contentOf(one).transaction_id, one);
    }
  });
  return found;
}

/** A receipt on its way in, with the record that brings it. */
export interface Incoming {
  receipt: NewReceipt;
  hash: string;
  lane: string;
  sequence: string;
  arrived_at: string;
}

const attributesOf = ({ receipt, hash, lane, sequence, arrived_at }: Incoming): StoredReceipt => ({
  receipt: JSON.stringify(receipt),
  hash,
  lane,
  sequence,
  arrived_at,
});

/** The write of a new receipt, for a transaction. */
export const putReceipt = (incoming: Incoming): Write =>
  table().put({ ...keyOf(incoming.receipt.transaction_id), ...attributesOf(incoming) }, { exists: false });

const STATEMENTS = 25; // BatchExecuteStatement's limit
const ATTEMPTS = 5;

const INSERT = (name: string) =>
  `INSERT INTO "${name}" VALUE {'pk': ?, 'sk': ?, 'receipt': ?, 'hash': ?, 'lane': ?, 'sequence': ?, 'arrived_at': ?}`;

async function insert(part: Incoming[], existing: Incoming[]): Promise<void> {
  const Statement = INSERT(env('TABLE_NAME'));
  for (let attempt = 0, left = part; left.length; attempt++) {
    const Statements = left.map((incoming) => {
      const { pk, sk } = keyOf(incoming.receipt.transaction_id);
      const { receipt, hash, lane, sequence, arrived_at } = attributesOf(incoming);
      return { Statement, Parameters: [pk, sk, receipt, hash, lane, sequence, arrived_at] };
    });
    const { Responses = [] } = await documents.send(new BatchExecuteStatementCommand({ Statements }));
    const failed = left.filter((incoming, index) => {
      const code = Responses[index]?.Error?.Code;
      if (code === 'DuplicateItem') existing.push(incoming);
      return code && code !== 'DuplicateItem';
    });
    if (failed.length && attempt === ATTEMPTS) {
      const reason = Responses.find((response) => response.Error)?.Error?.Message;
      throw new Error(`${failed.length} receipts were not stored: ${reason}`);
    }
    if (failed.length) await pause(Math.random() * 20 * 2 ** attempt);
    left = failed;
  }
}

/**
 * Stores receipts that are not there yet, each at most once whoever else tries: PartiQL's INSERT is a conditional put, 25
 * in a call, one write unit per KB. @returns what is stored of those that were there before, by transaction id
 */
export async function insertReceipts(all: Incoming[]): Promise<Map<string, StoredReceipt>> {
  const existing: Incoming[] = [];
  await inParts(all, STATEMENTS, (part) => insert(part, existing));
  return findReceipts(existing.map(({ receipt }) => receipt.transaction_id));
}
