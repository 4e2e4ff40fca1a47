import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { journalOf, readObject } from '../../lambdas/receipts/journal';
import { setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import { ProcessEnded } from '../support/processes';
import {
  booksOf,
  deliver,
  expectBooks,
  expectModel,
  Model,
  newShard,
  receipt,
  type Sent,
  type ShardRecord,
  shardOf,
  wipe,
} from './shop';

let p: Platform;
beforeAll(async () => {
  p = await platform('receipts');
});
afterAll(() => p.close());
afterEach(() => setFault(undefined));

const HOURS = ['2026-01-31T12', '2026-01-31T13', '2026-02-01T00', '2024-02-29T23'];

const sent: fc.Arbitrary<Sent | string> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .record({
        id: fc.nat(11),
        other: fc.boolean().map((other) => other && 1),
        lines: fc.array(
          fc.record({
            category: fc.constantFrom('food', 'книги', 'игры', 'a b'),
            cents: fc.nat(5_000),
            quantity: fc.integer({ min: 1, max: 3 }),
          }),
          { minLength: 1, maxLength: 3 },
        ),
      })
      .map(({ id, other, lines }) =>
        receipt({
          transaction_id: `t${id}`,
          // what is not the choice of the case follows from the id, so that most repeats are the same receipt
          timestamp: `${HOURS[id % HOURS.length]}:0${id % 6}:00.000Z`,
          place_id: `place-${id % 3}`,
          nds_amount: (id * 0.37 + Number(other)).toFixed(2),
          items: lines
            .slice(0, 1)
            .map(({ category }) => ({ product_id: 'p', category, quantity: 1 + (id % 3), price: '3.33' })),
        }),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"transaction_id": "t1"}',
      'not json',
      JSON.stringify({ ...receipt(), tips_amount: undefined }),
    ),
  },
);

/** One delivery of a batch: how many records, at which call it ends, whether an older batch comes again or at the same time. */
const step = fc.record({
  size: fc.integer({ min: 1, max: 12 }),
  endAt: fc.option(fc.integer({ min: 1, max: 14 })),
  when: fc.constantFrom('before' as const, 'after' as const),
  again: fc.option(fc.nat(5)),
  beside: fc.option(fc.integer({ min: 1, max: 12 })),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const LAST: Step = { size: 500, endAt: null, when: 'before', again: null, beside: null };

const ended = (error: unknown): false => {
  if (error instanceof ProcessEnded) return false;
  throw error;
};

/** Delivers a shard's records as Lambda does: a batch comes again, maybe cut elsewhere, until the function returned for it. */
async function deliverAll(shard: string, records: ShardRecord[], steps: Step[]): Promise<void> {
  let position = 0;
  for (const { size, endAt, when, again, beside } of [...steps, LAST]) {
    if (position >= records.length) break;
    setFault(({ number }) => (number === endAt ? when : undefined));
    const run = (from: number, count: number) =>
      deliver(p, shard, records.slice(from, from + count)).then(() => true, ended);
    const [done] = await Promise.all([run(position, size), ...(beside ? [run(position, beside)] : [])]);
    if (done) position = Math.min(position + size, records.length);
    setFault(undefined);
    if (again !== null && position > again) await run(position - again - 1, again + 1 + (size % 3));
  }
}

test('whatever is repeated, cut elsewhere, ended at any call or run twice at once: all is as in a plain model', async () => {
  const shard = fc.record({ payloads: fc.array(sent, { maxLength: 30 }), steps: fc.array(step, { maxLength: 12 }) });
  await fc.assert(
    fc.asyncProperty(shard, shard, async (first, second) => {
      await wipe(p);
      const model = new Model();
      // by the partition key, a transaction is in one shard; after a split its repeats are in a child of it
      const parent = first.payloads;
      const child = [...second.payloads, ...first.payloads.slice(0, 5)];
      for (const payload of [...parent, ...child]) model.take(payload);
      await deliverAll(newShard(), shardOf(parent), first.steps);
      await deliverAll(newShard(), shardOf(child, 5), second.steps);
      await expectModel(p, model);
      await expectBooks(p, model);
    }),
    { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 15) },
  );
}, 300_000);

test('300 receipts, each sent twice at 8 connections, while functions end at random calls: 300 counted, journal complete, books balanced', async () => {
  await wipe(p);
  const shop = await p.callers.apiKey({ scopes: ['receipts:write'] });
  const all = Array.from({ length: 300 }, (_, n) =>
    receipt({
      transaction_id: randomUUID(),
      place_id: `place-${n % 7}`,
      timestamp: `${HOURS[n % HOURS.length]}:30:00.000Z`,
      tips_amount: `${n % 3}.${n % 10}1`,
      items: [{ product_id: 'p', quantity: 1 + (n % 3), price: '0.07', category: n % 2 ? 'food' : 'книги' }],
    }),
  );
  const model = new Model();
  for (const one of all) model.take(one);
  const twice = [...all, ...all].sort(() => Math.random() - 0.5);
  const connection = async () => {
    for (let one = twice.pop(); one; one = twice.pop()) {
      const { status } = await p.api('POST', '/api/checks/', { body: one }, shop);
      expect(status).toBe(202);
    }
  };
  await Promise.all(Array.from({ length: 8 }, connection));
  let ends = 0;
  // a batch takes more calls than lie between two ends, so it is ended again and again until there have been enough
  const soon = () => 1 + Math.floor(Math.random() * 12);
  let left = soon();
  setFault(({ entry }) => {
    if (entry !== 'receipts/count' || ends >= 12 || --left > 0) return undefined;
    left = soon();
    ends++;
    return Math.random() > 0.5 ? 'before' : 'after';
  });
  await p.settle();
  setFault(undefined);
  expect(ends).toBeGreaterThan(3);
  await expectModel(p, model);
  expect(await booksOf(p)).toMatchObject({
    accepted: 600,
    announced: 600,
    counted: 300,
    duplicate: 300,
    set_aside: 0,
    waiting: 0,
    lost: 0,
    balanced: true,
  });
  Object.assign(process.env, p.named('Receipts/Count/Function').environment);
  const inJournal = new Set<string>();
  for (const hour of HOURS) {
    for await (const { key } of journalOf(hour)) {
      for (const { data } of await readObject(key)) inJournal.add(JSON.parse(data).transaction_id);
    }
  }
  expect([...inJournal].sort()).toEqual([...model.counted.keys()].sort());
});
