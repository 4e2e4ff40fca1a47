import type { PutRecordsCommandInput } from '@aws-sdk/client-kinesis';
import { setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { intercept, restore, throttled } from './intercept';
import { booksOf, expectModel, Model, receipt, type Sent, some, wipe } from './shop';

let p: Platform;
let shop: Caller;
let analyst: Caller;
beforeAll(async () => {
  p = await platform('receipts');
  shop = await p.callers.apiKey({ scopes: ['receipts:write'] });
  analyst = await p.callers.user('analyst');
});
afterAll(() => p.close());
beforeEach(() => wipe(p));
afterEach(() => {
  restore();
  setFault(undefined);
});

const send = (body: unknown, headers = {}) => p.api('POST', '/api/checks/', { body, headers }, shop);
const get = (path: string, caller = analyst) => p.api('GET', path, {}, caller);

const accepted = (count: number) => ({ status: 202, body: { accepted: count, refused: [] } });

test('one, an array, lines: what is accepted is counted; each refused one is named with its reasons', async () => {
  const [one, two, three, four] = some(4) as [Sent, Sent, Sent, Sent];
  expect(await send(one)).toMatchObject(accepted(1));
  const { tips_amount: _, ...untipped } = two;
  expect(await send([two, untipped, 5])).toMatchObject({
    status: 202,
    body: {
      accepted: 1,
      refused: [
        { index: 1, transaction_id: two.transaction_id, errors: [{ path: 'tips_amount' }] },
        { index: 2, transaction_id: null, errors: [{ path: '' }] },
      ],
    },
  });
  const lines = `${JSON.stringify(three)}\nnot json\r\n${JSON.stringify(four)}\n`;
  expect(await send(lines, { 'content-type': 'application/x-ndjson' })).toMatchObject({
    status: 202,
    body: { accepted: 2, refused: [{ index: 1 }] },
  });
  await p.settle();
  const model = new Model();
  for (const each of [one, two, three, four]) model.take(each);
  await expectModel(p, model);
  const { body } = await get(`/api/checks/${four.transaction_id}/`);
  expect(body).toEqual({ ...four, total_mismatch: false });
});

test('text that no store can hold refuses the one receipt that has it', async () => {
  const [one, two, three] = some(3) as [Sent, Sent, Sent];
  const ill = [
    { ...two, note: { by: '\ud800' } },
    { ...three, payment_method: 'a\uffff' },
  ];
  const alone = ill.map(({ transaction_id }, n) => ({
    index: n + 1,
    transaction_id,
    errors: [{ path: ['note.by', 'payment_method'][n], message: 'expected well-formed Unicode' }],
  }));
  const wanted = { status: 202, body: { accepted: 1, refused: alone } };
  expect(await send([one, ...ill])).toMatchObject(wanted);
  const lines = [one, ...ill].map((each) => JSON.stringify(each)).join('\n');
  expect(await send(lines, { 'content-type': 'application/x-ndjson' })).toMatchObject(wanted);
  const { status, body } = await send(ill[0]);
  expect([status, body.errors]).toEqual([422, [{ path: 'note.by', message: 'expected well-formed Unicode' }]]);
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ counted: 1, duplicate: 1, set_aside: 0, lost: 0 });
});

test('without tips_amount: refused with the field named, nothing stored', async () => {
  const { tips_amount: _, ...untipped } = receipt();
  for (const path of ['/api/checks/', '/api/add_checks/']) {
    const answer = await p.api('POST', path, { body: untipped }, shop);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path: 'tips_amount', message: expect.any(String) }]);
  }
  await p.settle();
  expect((await booksOf(p)).counted).toBe(0);
});

test('501 at once are too many, an empty array is none', async () => {
  for (const body of [some(501), []]) expect((await send(body)).status).toBe(422);
});

test('records that the stream refuses are sent again, alone; what it never takes is named with 503', async () => {
  const all = some(5);
  const [refusedOnce = '', neverTaken = ''] = all.map(({ transaction_id }) => transaction_id);
  const sent: string[][] = [];
  intercept('kinesis', 'PutRecordsCommand', async (input: PutRecordsCommandInput, put) => {
    const keys = (input.Records ?? []).map(({ PartitionKey = '' }) => PartitionKey);
    sent.push(keys);
    const refused = new Set([neverTaken, ...(sent.length === 1 ? [refusedOnce] : [])]);
    const Records = input.Records?.filter(({ PartitionKey = '' }) => !refused.has(PartitionKey)) ?? [];
    if (Records.length) await put({ ...input, Records });
    return { Records: keys.map((key) => (refused.has(key) ? { ErrorCode: throttled().name } : {})) };
  });
  const answer = await send(all);
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBe('2');
  expect(answer.body.errors).toEqual([{ path: neverTaken, message: expect.any(String) }]);
  expect(sent.slice(0, 2)).toEqual([all.map(({ transaction_id }) => transaction_id), [refusedOnce, neverTaken]]);
  expect(sent.slice(2).every((keys) => keys.join() === neverTaken)).toBe(true);
  restore();
  await send(all.slice(0, 2));
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ counted: 5, duplicate: 1, lost: 0 });
});

test('a stream that throttles whole calls: 503 with every receipt named, nothing announced; sent again, all count', async () => {
  const all = some(3);
  intercept('kinesis', 'PutRecordsCommand', () => Promise.reject(throttled()));
  const answer = await send(all, { 'idempotency-key': 'k' });
  expect(answer.status).toBe(503);
  expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual(
    all.map(({ transaction_id }) => transaction_id),
  );
  expect((await booksOf(p)).announced).toBe(0);
  restore();
  // the key names no answer yet: the same call may be made again
  expect((await send(all, { 'idempotency-key': 'k' })).status).toBe(202);
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ announced: 3, counted: 3, lost: 0 });
});

test('more than a call to the stream takes goes in several; a receipt twice in an array counts once', async () => {
  // within what a call of ours may hold, and beyond the stream's with the keys
  const all = some(280).map((one) => {
    const long = { ...one, transaction_id: `${'i'.repeat(80)}-${one.transaction_id}`, filler: '' };
    return { ...long, filler: 'x'.repeat(Math.floor(4_490_000 / 281) - JSON.stringify(long).length - 1) };
  });
  const sizes: number[] = [];
  intercept('kinesis', 'PutRecordsCommand', (input: PutRecordsCommandInput, put) => {
    sizes.push(input.Records?.length ?? 0);
    return put();
  });
  const [first] = all;
  expect(await send([...all, first])).toMatchObject({ status: 202, body: { accepted: 281 } });
  expect(sizes).toHaveLength(2);
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ counted: 280, duplicate: 1, lost: 0 });
});

test('what could not be entered as announced is counted all the same, and shows as no loss', async () => {
  setFault(({ command }) => (command.startsWith('Transact') ? throttled() : undefined));
  expect((await send(some(2))).status).toBe(202);
  setFault(undefined);
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ announced: 0, counted: 2, lost: 0, balanced: true });
});

test('ten calls at once with one Idempotency-Key: one answer, counted once, and what went in again hides no loss', async () => {
  // some 40 KB of body
  const all = some(100);
  const answers = await Promise.all(Array.from({ length: 10 }, () => send(all, { 'idempotency-key': 'once' })));
  expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
  await p.settle();
  const { announced, accepted, counted, lost } = await booksOf(p);
  expect([counted, lost, announced]).toEqual([100, 0, accepted]);
});

test('an Idempotency-Key with two bodies at once: one is answered, the other refused; both went into the stream', async () => {
  const bodies = some(2);
  let looks = 0;
  intercept('documents', 'GetItemCommand', async ({ Key }, read) => {
    const answer = await read();
    // both look before either has its answer remembered
    if (/^IDEMPOTENCY/.test(Key.pk)) {
      looks += 1;
      while (looks < 2) await new Promise(setImmediate);
    }
    return answer;
  });
  const answers = await Promise.all(bodies.map((body) => send(body, { 'idempotency-key': 'shared' })));
  restore();
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 422]);
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ announced: 2, counted: 2, lost: 0 });
});

test('an answer larger than can be remembered is given, and its receipts are announced', async () => {
  const items = Array.from({ length: 100 }, () => ({}));
  const [well, ...bad] = some(500).map((one, n) => (n ? { ...one, items } : one));
  const { status, body } = await send([well, ...bad], { 'idempotency-key': 'large' });
  expect([status, body.accepted, body.refused.length]).toEqual([202, 1, 499]);
  expect((await booksOf(p)).announced).toBe(1);
  await p.settle();
});

test('with many errors a refused receipt names the first ones and says how many more there are', async () => {
  const [well, one] = some(2) as [Sent, Sent];
  const items = Array.from({ length: 100 }, () => ({}));
  const { status, body } = await send([well, { ...one, items }]);
  expect([status, body.refused[0].errors.length]).toEqual([202, 21]);
  expect(body.refused[0].errors.at(-1)).toEqual({ path: '', message: 'and 380 more' });
  await p.settle();
});

test('further fields nested without end are refused, whichever door they come to', async () => {
  const text = JSON.stringify({ ...receipt(), extra: 'DEEP' }).replace('"DEEP"', '['.repeat(6_000) + ']'.repeat(6_000));
  for (const path of ['/api/checks/', '/api/add_checks/']) {
    expect((await p.api('POST', path, { body: text }, shop)).status).toBe(422);
  }
});

test('two receipts under one transaction_id at once: one is taken, the other refused', async () => {
  const [one] = some(1) as [Sent];
  const add = (body: unknown) => p.api('POST', '/api/add_checks/', { body }, shop);
  const answers = await Promise.all([one, { ...one, tips_amount: '9.00' }].map(add));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  expect((await booksOf(p)).counted).toBe(1);
});

test('at once: 201, 200 for the same again, 409 for another under the same transaction_id', async () => {
  const [one] = some(1) as [Sent];
  const add = (body: unknown, headers = {}) => p.api('POST', '/api/add_checks/', { body, headers }, shop);
  const answers = await Promise.all([one, one, one].map((body) => add(body)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
  expect((await add({ ...one, total_amount: 40, tips_amount: 3.05 })).status).toBe(200);
  expect(await add({ ...one, tips_amount: '3.06' })).toMatchObject({
    status: 409,
    body: { type: '/docs/problems/#other-content' },
  });
  const model = new Model();
  model.take(one);
  await expectModel(p, model);
  // and through the stream it is a repeat
  await send(one);
  await p.settle();
  await expectModel(p, model);
  expect(await booksOf(p)).toMatchObject({ announced: 1, counted: 1, duplicate: 1 });
});

test('a sum of items that differs from total_amount is kept and flagged', async () => {
  const [one] = some(1, { total_amount: '41.00' }) as [Sent];
  expect((await p.api('POST', '/api/add_checks/', { body: one }, shop)).body).toMatchObject({ total_mismatch: true });
  expect((await get(`/api/checks/${one.transaction_id}/`)).body).toMatchObject({
    total_amount: '41.00',
    total_mismatch: true,
  });
});

test('an Idempotency-Key gives the first answer again', async () => {
  const all = some(3);
  const first = await send(all, { 'idempotency-key': 'k' });
  const second = await send(all, { 'idempotency-key': 'k' });
  expect(second.body).toEqual(first.body);
  expect(second.headers['idempotency-replayed']).toBe('true');
  const [one] = all;
  const add = () => p.api('POST', '/api/add_checks/', { body: one, headers: { 'idempotency-key': 'k' } }, shop);
  expect([(await add()).status, (await add()).status]).toEqual([201, 201]);
  const late = (body: unknown) =>
    p.api('POST', '/api/add_checks/', { body, headers: { 'idempotency-key': 'late' } }, shop);
  const repeats = await Promise.all([late(one), late(one), late(one)]);
  expect(repeats.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await late(one)).headers['idempotency-replayed']).toBe('true');
  expect((await late(all[1])).status).toBe(422);
  await p.settle();
  expect(await booksOf(p)).toMatchObject({ announced: 3, counted: 3, duplicate: 1 });
});
