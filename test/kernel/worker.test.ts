import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod';
import { Hopeless, queueHandler, type Receipt, TryLater } from '../../lambdas/kernel/batch';
import { newId } from '../../lambdas/kernel/id';
import { MAX_RECEIVES } from '../../lambdas/kernel/names';
import { send, sqs } from '../../lambdas/kernel/queue';
import { type Lanes, openLanes, ROLE, take } from './lanes';

let { on } = {} as Lanes;
beforeAll(async () => {
  ({ on } = await openLanes());
});
afterAll(() => on.close());

describe('a worker of a queue', () => {
  const Message = z.object({ n: z.number() });
  let visibility: { ReceiptHandle: string; VisibilityTimeout: number }[] = [];
  beforeAll(() =>
    sqs.middlewareStack.add(
      (next, context) => async (args) => {
        const isChange = (context as { commandName?: string }).commandName === 'ChangeMessageVisibilityCommand';
        if (isChange) visibility.push(args.input as (typeof visibility)[number]);
        // the handles are made up here
        return isChange ? { output: { $metadata: {} }, response: {} } : next(args);
      },
      { step: 'initialize', name: 'visibility' },
    ),
  );
  beforeEach(() => {
    visibility = [];
  });
  afterAll(() => sqs.middlewareStack.remove('visibility'));

  const message = (body: unknown, receiveCount = 1): SQSRecord =>
    ({
      messageId: newId(),
      receiptHandle: newId(),
      body: typeof body === 'string' ? body : JSON.stringify(body),
      attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(Date.now() - 5_000) },
    }) as unknown as SQSRecord;
  const work = async (verb: (message: { n: number }, receipt: Receipt) => Promise<void>, ...Records: SQSRecord[]) => {
    const { batchItemFailures } = await queueHandler('test', Message, verb)({ Records });
    return batchItemFailures.map(({ itemIdentifier }) =>
      Records.findIndex(({ messageId }) => messageId === itemIdentifier),
    );
  };

  test('reports what failed, alone, and lets the rest be done', async () => {
    const failing = async ({ n }: { n: number }) => {
      if (n % 2) throw new Error('odd');
    };
    expect(await work(failing, ...[0, 1, 2, 3].map((n) => message({ n })))).toEqual([1, 3]);
    expect(visibility).toHaveLength(2);
    expect(await take('DEAD_LETTERS')).toEqual([]);
  });

  test('tells the verb how often the message came, whether it is the last time, and when it was sent', async () => {
    const receipts: Receipt[] = [];
    const note = async (_: unknown, receipt: Receipt) => void receipts.push(receipt);
    await work(note, message({ n: 1 }, 1), message({ n: 1 }, MAX_RECEIVES));
    expect(receipts).toMatchObject([
      { receiveCount: 1, last: false },
      { receiveCount: MAX_RECEIVES, last: true },
    ]);
    expect(Date.now() - Date.parse(receipts[0]?.sentAt ?? '')).toBeGreaterThanOrEqual(5_000);
  });

  test('waits longer after each failure, by chance within twice the time before, or as long as the verb says', async () => {
    const fail = async () => {
      throw new Error('no');
    };
    for (let receiveCount = 1; receiveCount < MAX_RECEIVES; receiveCount++) {
      visibility = [];
      await work(fail, ...Array.from({ length: 60 }, () => message({ n: 1 }, receiveCount)));
      const seconds = visibility.map(({ VisibilityTimeout }) => VisibilityTimeout);
      expect(Math.min(...seconds)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...seconds)).toBeLessThanOrEqual(2 ** receiveCount);
      expect(new Set(seconds).size).toBeGreaterThan(1);
    }
    visibility = [];
    for (const seconds of [7.2, 50_000]) {
      await work(
        async () => {
          throw new TryLater('busy', seconds);
        },
        message({ n: 1 }),
      );
    }
    expect(visibility.map(({ VisibilityTimeout }) => VisibilityTimeout)).toEqual([8, 43_200]);
  });

  test.each([
    ['is no message of its kind', message({ n: 'x' }), { n: 'x' }, /Hopeless/, '1'],
    ['is no JSON', message('<xml/>'), '<xml/>', /Hopeless/, '1'],
    ['is hopeless', message({ n: 1 }), { n: 1 }, /^Hopeless: never$/, '1'],
    ['failed for the last time', message({ n: 2 }, MAX_RECEIVES), { n: 2 }, /^TypeError: again/, String(MAX_RECEIVES)],
  ])('sets aside at once what %s, with its payload and reason', async (_, record, payload, reason, attempts) => {
    const verb = async ({ n }: { n: number }) => {
      if (n === 2) throw new TypeError(`again ${'💥'.repeat(600)}\u0000`);
      throw new Hopeless('never');
    };
    expect(await work(verb, record)).toEqual([]);
    const [letter, ...others] = await take('DEAD_LETTERS');
    expect(letter).toEqual({
      body: payload,
      attributes: {
        lane: 'test',
        reason: expect.stringMatching(reason),
        at: expect.stringMatching(/Z$/),
        attempts,
      },
    });
    expect(letter?.attributes['reason']?.isWellFormed()).toBe(true);
    expect([others, visibility]).toEqual([[], []]);
  });

  test('keeps a message that it could not even set aside', async () => {
    const url = process.env['DEAD_LETTERS_QUEUE_URL'];
    process.env['DEAD_LETTERS_QUEUE_URL'] = `${url}-not-there`;
    expect(await work(async () => undefined, message('nonsense'))).toEqual([0]);
    process.env['DEAD_LETTERS_QUEUE_URL'] = url;
  });
});

test('sending more than a batch holds arrives whole, and a refused one is an error', async () => {
  await send(
    process.env[`${ROLE}_QUEUE_URL`] ?? '',
    Array.from({ length: 25 }, (_, n) => ({ body: n })),
  );
  expect(await take(ROLE)).toHaveLength(25);
});

test('a batch holds ten messages and a quarter of a megabyte at the most', async () => {
  const batches: number[] = [];
  const spy = jest.spyOn(sqs, 'send').mockImplementation(async ({ input }: { input: object }) => {
    batches.push((input as { Entries: object[] }).Entries.length);
    return {};
  });
  const sized = (kb: number) => ({ text: 'x'.repeat(kb * 1_000), attributes: { reason: 'r' } });
  await send('queue', [...Array.from({ length: 12 }, () => sized(1)), sized(249), sized(300), sized(100), sized(100)]);
  spy.mockRestore();
  expect(batches).toEqual([10, 2, 1, 1, 2]);
});

test('what SQS takes for no character goes as an escape', async () => {
  let sent = '';
  const spy = jest.spyOn(sqs, 'send').mockImplementation(async ({ input }: { input: object }) => {
    sent = (input as { Entries: { MessageBody: string }[] }).Entries[0]?.MessageBody ?? '';
    return {};
  });
  await send('queue', [{ body: { text: 'a\uffffb' } }]);
  spy.mockRestore();
  expect(sent).toBe('{"text":"a\\uffffb"}');
  expect(JSON.parse(sent)).toEqual({ text: 'a\uffffb' });
});
