import { randomUUID } from 'node:crypto';
import { BatchWriteCommand, paginateScan } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { forgetPlaces } from '../../lambdas/receipts/places';
import { type Platform, platform } from '../support/platform';
import { kinesisEvent } from '../support/pump';

export interface Line {
  product_id: string;
  quantity: number;
  price: string;
  category: string;
}

/** A receipt as a shop sends it. */
export interface Sent {
  transaction_id: string;
  timestamp: string;
  items: Line[];
  total_amount: string;
  nds_amount: string;
  tips_amount: string;
  payment_method: string;
  place_id: string;
  place_name: string;
}

export const receipt = (changes: Partial<Sent> = {}): Sent => ({
  transaction_id: 't1',
  timestamp: '2026-01-31T12:10:00.000Z',
  items: [{ product_id: 'p1', quantity: 2, price: '20.00', category: 'electronics' }],
  total_amount: '40.00',
  nds_amount: '6.67',
  tips_amount: '3.05',
  payment_method: 'credit_card',
  place_id: 'place-1',
  place_name: 'Market Square 1',
  ...changes,
});

/** Receipts that nobody sent before: a stream keeps what earlier tests sent. */
export const some = (count: number, changes: Partial<Sent> = {}): Sent[] => {
  const run = randomUUID().slice(0, 8);
  return Array.from({ length: count }, (_, n) => receipt({ transaction_id: `${run}-${n}`, ...changes }));
};

/** The journal is never written over, so each test has shards of its own. */
export const newShard = () => `shardId-${randomUUID()}`;

export interface ShardRecord {
  SequenceNumber: string;
  PartitionKey: string;
  Data: Buffer;
}

/** What a shard holds, in order. Sequence numbers grow by steps, as those of Kinesis do. */
export const shardOf = (payloads: (Sent | string)[], start = 100): ShardRecord[] =>
  payloads.map((payload, index) => ({
    SequenceNumber: `4967${String(start + index * 7).padStart(20, '0')}`,
    PartitionKey: 'x',
    Data: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
  }));

/** Gives the counting function a batch, as Lambda does. */
export const deliver = (p: Platform, shard: string, records: ShardRecord[]): Promise<void> =>
  p.run('Receipts/Count/Function', kinesisEvent(shard, records));

/** Empties the context's table. */
export async function wipe(p: Platform): Promise<void> {
  forgetPlaces();
  const TableName = p.named('Receipts/Api').environment['TABLE_NAME'] ?? '';
  const all = paginateScan({ client: documents }, { TableName, ProjectionExpression: 'pk, sk' });
  const Items: Record<string, string>[] = [];
  for await (const page of all) Items.push(...(page.Items ?? []));
  for (let start = 0; start < Items.length; start += 25) {
    const requests = Items.slice(start, start + 25).map((Key) => ({ DeleteRequest: { Key } }));
    await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: requests } }));
  }
}

const cents = (text: string): bigint => BigInt(text.replace('.', ''));
const text = (value: bigint): string => `${value / 100n}.${String(value % 100n).padStart(2, '0')}`;
const mean = (sum: bigint, count: number): string =>
  count ? text((2n * sum + BigInt(count)) / (2n * BigInt(count))) : '0.00';

/** The plain model: receipts in memory, each of a transaction once, sums by going through them all. */
export class Model {
  readonly counted = new Map<string, Sent>();
  duplicate = 0;
  set_aside = 0;

  take(payload: Sent | string): void {
    if (typeof payload === 'string') {
      this.set_aside++;
      return;
    }
    const first = this.counted.get(payload.transaction_id);
    if (!first) this.counted.set(payload.transaction_id, payload);
    else if (JSON.stringify(first) === JSON.stringify(payload)) this.duplicate++;
    else this.set_aside++;
  }

  get places(): string[] {
    return [...new Set([...this.counted.values()].map(({ place_id }) => place_id))].sort();
  }

  /** As the API answers, of one place or of all. */
  analytics(interval: 'hour' | 'day', place?: string) {
    const all = [...this.counted.values()].filter(({ place_id }) => place === undefined || place_id === place);
    const sum = (some: Sent[], field: 'total_amount' | 'nds_amount' | 'tips_amount') =>
      some.reduce((total, one) => total + cents(one[field]), 0n);
    const width = interval === 'hour' ? 13 : 10;
    const starts = [...new Set(all.map(({ timestamp }) => timestamp.slice(0, width)))].sort();
    const names = [...new Set(all.flatMap(({ items }) => items.map(({ category }) => category)))];
    return {
      total_purchases: all.length,
      total_amount: text(sum(all, 'total_amount')),
      average_receipt: mean(sum(all, 'total_amount'), all.length),
      taxes_amount: { total_nds: text(sum(all, 'nds_amount')), total_tips: text(sum(all, 'tips_amount')) },
      categories: names.length,
      category_analytics: Object.fromEntries(
        names.map((category) => {
          const having = all.filter(({ items }) => items.some((line) => line.category === category));
          const lines = having.flatMap(({ items }) => items.filter((line) => line.category === category));
          const spent = lines.reduce((total, { price, quantity }) => total + cents(price) * BigInt(quantity), 0n);
          return [
            category,
            {
              total_spent: text(spent),
              quantity: lines.reduce((total, { quantity }) => total + quantity, 0),
              average_receipt: mean(spent, having.length),
            },
          ];
        }),
      ),
      intervals: starts.map((start) => {
        const some = all.filter(({ timestamp }) => timestamp.startsWith(start));
        return {
          start: `${start}${interval === 'hour' ? '' : 'T00'}:00:00.000Z`,
          purchases: some.length,
          total_amount: text(sum(some, 'total_amount')),
          total_nds: text(sum(some, 'nds_amount')),
          total_tips: text(sum(some, 'tips_amount')),
        };
      }),
    };
  }
}

/** Holds that the API shows what the model says, by hour and by day, of each place and of all. */
export async function expectModel(p: Platform, model: Model): Promise<void> {
  const analyst = await p.callers.user('analyst');
  for (const interval of ['hour', 'day'] as const) {
    const { status, body } = await p.api('GET', `/api/analytics/?interval=${interval}&limit=200`, {}, analyst);
    expect(status).toBe(200);
    expect(body.total).toEqual(model.analytics(interval));
    expect(body.results.map(({ place_id }: Sent) => place_id)).toEqual(model.places);
    for (const { place_id, place_name, ...sums } of body.results) {
      expect(place_name).toMatch(/./);
      expect(sums).toEqual(model.analytics(interval, place_id));
    }
  }
}

/** What the books say, by the names of the model. */
export async function booksOf(p: Platform) {
  const { status, body } = await p.api('GET', '/api/analytics/books/', {}, await p.callers.user('analyst'));
  expect(status).toBe(200);
  expect(body.accepted).toBe(body.counted + body.duplicate + body.set_aside + body.waiting);
  return body;
}

export async function expectBooks(p: Platform, { counted, duplicate, set_aside }: Model): Promise<void> {
  expect(await booksOf(p)).toMatchObject({ counted: counted.size, duplicate, set_aside, lost: 0, balanced: true });
}

/** Receipts of their own for a test, with who sends them and who reads the sums. */
export async function openReceipts() {
  const p = await platform('receipts');
  const [shop, analyst, operator] = await Promise.all([
    p.callers.apiKey({ scopes: ['receipts:write'] }),
    p.callers.user('analyst'),
    p.callers.user('operator'),
  ]);
  return {
    p,
    shop,
    analyst,
    operator,
    send: (body: unknown) => p.api('POST', '/api/checks/', { body }, shop),
    get: (path: string, caller = analyst) => p.api('GET', path, {}, caller),
  };
}
export type Receipts = Awaited<ReturnType<typeof openReceipts>>;
