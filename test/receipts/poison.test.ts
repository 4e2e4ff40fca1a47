import { intercept, restore, throttled } from './intercept';
import {
  booksOf,
  deliver,
  newShard,
  openReceipts,
  type Receipts,
  type Sent,
  type ShardRecord,
  shardOf,
  some,
  wipe,
} from './shop';

let { p, operator, get } = {} as Receipts;
beforeAll(async () => {
  ({ p, operator, get } = await openReceipts());
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(restore);

const setAside = async () => (await get('/api/checks/set-aside/', operator)).body.results;
const back = (id: string, body: unknown = {}) =>
  p.api('POST', `/api/checks/set-aside/${id}/put-back/`, { body }, operator);

test('poison never blocks its shard: kept with its reason, shown to operators, put back corrected', async () => {
  const [good, other] = some(2) as [Sent, Sent];
  const bad = JSON.stringify({ ...other, total_amount: 'much' });
  await deliver(p, newShard(), shardOf([bad, good, { ...good, tips_amount: '9.00' }]));
  expect((await get('/api/checks/set-aside/')).status).toBe(403);
  const { body } = await get('/api/checks/set-aside/', operator);
  expect(body.results).toMatchObject([
    { reason: `another receipt has the transaction_id ${good.transaction_id}`, put_back_at: null },
    { reason: expect.stringContaining('total_amount'), payload: bad },
  ]);
  const answer = await p.api(
    'POST',
    `/api/checks/set-aside/${body.results[1].id}/put-back/`,
    { body: { payload: JSON.stringify(other) } },
    operator,
  );
  expect(answer).toMatchObject({ status: 200, body: { put_back_at: expect.any(String) } });
  await p.settle();
  expect((await get(`/api/checks/${other.transaction_id}/`)).status).toBe(200);
  expect(await booksOf(p)).toMatchObject({ counted: 2, set_aside: 2, lost: 0, announced: 1 });
});

test.each([
  ['no text', Buffer.from([0xff, 0xfe, 0x00]), 'not UTF-8', '//4A'],
  ['longer than an item', Buffer.from('я'.repeat(300_000)), 'JSON', 'я'.repeat(16_384)],
  ['nested without end', Buffer.from(`{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}`), 'not a receipt', undefined],
  [
    'without a name that fits',
    Buffer.from(JSON.stringify({ transaction_id: 'x'.repeat(3_000) })),
    'transaction_id',
    undefined,
  ],
])('%s: those behind it count, it is kept and comes again as it was', async (_, Data, reason, payload) => {
  const [good] = some(1) as [Sent];
  const [bad, ...rest] = shardOf(['', good]);
  await deliver(p, newShard(), [{ ...bad, Data } as ShardRecord, ...rest]);
  expect(await booksOf(p)).toMatchObject({ counted: 1, set_aside: 1 });
  const [one] = await setAside();
  expect(one.reason).toContain(reason);
  if (payload) expect(one.payload).toBe(payload);
  const { body: whole } = await get(`/api/checks/set-aside/${one.id}/`, operator);
  expect([Data.toString('utf8'), Data.toString('base64')]).toContain(whole.payload);
  expect((await get('/api/checks/')).body.results).toHaveLength(1);
  let sent: Buffer | undefined;
  intercept('kinesis', 'PutRecordsCommand', async ({ Records }) => {
    sent = Records[0].Data;
    return { Records: [{}] };
  });
  expect((await back(one.id)).status).toBe(200);
  expect(sent?.equals(Data)).toBe(true);
});

test('cannot be put back while the stream takes nothing, or when there is none of that id', async () => {
  await deliver(p, newShard(), shardOf(['not json']));
  const [{ id }] = await setAside();
  intercept('kinesis', 'PutRecordsCommand', () => Promise.reject(throttled()));
  expect((await back(id)).status).toBe(409);
  expect((await setAside())[0].put_back_at).toBeNull();
  restore();
  expect((await back('no-such-record')).status).toBe(404);
});
