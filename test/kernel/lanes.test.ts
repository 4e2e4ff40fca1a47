import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { BatchWriteCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord, SQSRecord } from 'aws-lambda';
import * as z from 'zod';
import { Hopeless, queueHandler, type Receipt, TryLater } from '../../lambdas/kernel/batch';
import { now } from '../../lambdas/kernel/clock';
import { documents } from '../../lambdas/kernel/documents';
import { newId, shards } from '../../lambdas/kernel/id';
import { MAX_RECEIVES } from '../../lambdas/kernel/names';
import { send, sqs } from '../../lambdas/kernel/queue';
import { table } from '../../lambdas/kernel/table';
import { delayFor, HORIZON_SECONDS } from '../../lambdas/kernel/timer';
import { type Platform, platform } from '../support/platform';
import { eventually } from '../support/processes';

let on: Platform;
let settings: Record<string, string>;
beforeAll(async () => {
  on = await platform('orders');
  settings = on.named('Orders/RecordResult/Function').environment;
  Object.assign(process.env, settings, on.named('Orders/Relay/Function').environment, {
    DEAD_LETTERS_QUEUE_URL: settings['DEAD_LETTERS_QUEUE_URL'],
  });
});
afterAll(() => on.close());

/** A role that the relay and the timer know, and whose queue nothing works on here. */
const ROLE = 'ORDERS_RESULTS';

/** Takes all that lies in a queue now. */
async function take(role: string): Promise<{ body: unknown; attributes: Record<string, string | undefined> }[]> {
  const taken = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: process.env[`${role}_QUEUE_URL`],
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
      }),
    );
    if (!Messages.length) return taken;
    for (const { Body = '', MessageAttributes = {} } of Messages) {
      const attributes = Object.entries(MessageAttributes).map(
        ([name, { StringValue }]) => [name, StringValue] as const,
      );
      taken.push({ body: JSON.parse(Body), attributes: Object.fromEntries(attributes) });
    }
  }
}

const ahead = (seconds: number): string => new Date(now().getTime() + seconds * 1_000).toISOString();

/** A record of the stream as it shows a new item. */
const record = (item: Record<string, unknown>, eventName = 'INSERT'): DynamoDBRecord =>
  ({
    eventName,
    dynamodb: { Keys: marshall({ pk: item['pk'], sk: item['sk'] }), NewImage: marshall(item) },
  }) as unknown as DynamoDBRecord;
const outbox = (...outgoing: unknown[]) =>
  record({ pk: `OUTBOX#${newId()}`, sk: 'OUTBOX', outbox: outgoing, created_at: ahead(0), expires_at: 1 });
const relay = (...Records: DynamoDBRecord[]) => on.run('Orders/Relay/Function', { Records });
const tick = () => on.run<{ released: number }>('Timer/Tick', {});

const timers = table('TIMERS_TABLE');
const waiting = async () =>
  (
    await Promise.all(shards('DUE').map((partition) => timers.query(z.object({ message: z.unknown() }), { partition })))
  ).flatMap(({ items }) => items.map(({ message }) => message));

describe('the relay', () => {
  test('sends what is due at once, in order, and looks at nothing but new items of the outbox', async () => {
    const messages = Array.from({ length: 23 }, (_, n) => ({ n }));
    await relay(
      record({ pk: 'THING', sk: 'THING', n: 1 }),
      ...messages.map((message) => outbox({ queue: ROLE, message })),
      record({ pk: 'OUTBOX#old', sk: 'OUTBOX', outbox: [{ queue: ROLE, message: 'gone' }], created_at: '' }, 'REMOVE'),
    );
    expect((await take(ROLE)).map(({ body }) => body)).toEqual(messages);
  });

  test('sets aside what is no outbox item, and sends the rest', async () => {
    const role = 'DEAD_LETTERS';
    const relaySettings = on.named('Orders/Relay/Function').environment;
    await relay(record({ pk: 'OUTBOX#1', sk: 'OUTBOX', outbox: 'nonsense' }), outbox({ queue: ROLE, message: 'fine' }));
    expect((await take(ROLE)).map(({ body }) => body)).toEqual(['fine']);
    process.env['DEAD_LETTERS_QUEUE_URL'] = relaySettings['DEAD_LETTERS_QUEUE_URL'];
    const [letter] = await take(role);
    expect(letter).toMatchObject({
      body: { pk: 'OUTBOX#1', outbox: 'nonsense' },
      attributes: { lane: 'outbox', reason: expect.stringContaining('not an outbox item'), at: expect.any(String) },
    });
    process.env['DEAD_LETTERS_QUEUE_URL'] = settings['DEAD_LETTERS_QUEUE_URL'];
  });

  test('sets aside what is for a queue that there is no more, and sends the rest', async () => {
    const created_at = ahead(-11 * 60);
    const lost = [
      { queue: 'NO_SUCH', message: { n: 1 } },
      { queue: 'NO_SUCH', text: 'as it stands' },
    ];
    await relay(
      record({ pk: 'OUTBOX#2', sk: 'OUTBOX', outbox: [...lost, { queue: ROLE, message: 'goes' }], created_at }),
    );
    expect((await take(ROLE)).map(({ body }) => body)).toEqual(['goes']);
    process.env['DEAD_LETTERS_QUEUE_URL'] = on.named('Orders/Relay/Function').environment['DEAD_LETTERS_QUEUE_URL'];
    const letters = await take('DEAD_LETTERS');
    process.env['DEAD_LETTERS_QUEUE_URL'] = settings['DEAD_LETTERS_QUEUE_URL'];
    expect(letters.map(({ body }) => body)).toEqual(expect.arrayContaining(lost));
    expect(letters.map(({ attributes }) => attributes['reason'])).toEqual(lost.map(() => 'there is no such queue'));
  });

  test('fails as a whole when anything was not taken, so that the stream gives it again', async () => {
    await expect(relay(outbox({ queue: 'NO_SUCH', message: 1 }))).rejects.toThrow('NO_SUCH_QUEUE_URL');
  });

  test('keeps for the timer what is due later, and the timer hands it over to the second', async () => {
    await relay(
      outbox(
        { queue: ROLE, message: 'late', due_at: ahead(3_600) },
        { queue: ROLE, message: 'later', due_at: ahead(7_200) },
      ),
      outbox({ queue: ROLE, message: 'past', due_at: ahead(-5) }),
    );
    expect((await take(ROLE)).map(({ body }) => body)).toEqual(['past']);
    expect((await waiting()).sort()).toEqual(['late', 'later']);
    expect(await tick()).toEqual({ released: 0 });
    await on.moveClock(3_600 - HORIZON_SECONDS + 1);
    expect(await tick()).toEqual({ released: 1 });
    expect(await waiting()).toEqual(['later']);
    // still a horizon away: it waits in the queue, hidden
    expect(await take(ROLE)).toEqual([]);
    await on.moveClock(7_200);
    expect(await tick()).toEqual({ released: 1 });
    const [due] = await eventually('the message arrives', async () => {
      const found = await take(ROLE);
      return found.length > 0 && found;
    });
    expect(due?.body).toBe('later');
    await on.moveClock(0);
  });

  test('makes the same timer of the same record, however often it comes', async () => {
    const same = outbox({ queue: ROLE, message: 'once', due_at: ahead(9_000) });
    await Promise.all([relay(same), relay(same), relay(same)]);
    expect((await waiting()).filter((message) => message === 'once')).toHaveLength(1);
  });
});

test('what is due within two minutes waits in its queue, what is due later does not', () => {
  expect(delayFor(undefined)).toBe(0);
  expect(delayFor(ahead(-10))).toBe(0);
  expect(delayFor(ahead(60))).toBeCloseTo(60, 0);
  expect(delayFor(ahead(HORIZON_SECONDS + 1))).toBeUndefined();
});

test('a tick hands over more than a page, deletes what it handed over, and stops in time for its own end', async () => {
  const many = Array.from({ length: 60 }, (_, n) => ({
    queue: ROLE,
    message: { n },
    due_at: ahead(HORIZON_SECONDS + 60),
  }));
  await relay(...many.map((one) => outbox(one)));
  await on.moveClock(HORIZON_SECONDS + 61);
  const { handler } = await import('../../lambdas/kernel/tick.lambda');
  Object.assign(process.env, on.named('Timer/Tick').environment);
  expect(await handler({}, { getRemainingTimeInMillis: () => 9_000 } as never)).toEqual({ released: 0 });
  expect(await tick()).toEqual({ released: 60 });
  const arrived = await eventually('all arrive', async () => {
    const found = await take(ROLE);
    return found.length === 60 && found;
  });
  expect(new Set(arrived.map(({ body }) => (body as { n: number }).n)).size).toBe(60);
  expect(await tick()).toEqual({ released: 0 });
  await on.moveClock(0);
});

test('a partition that is slow holds up no other, and what the table does not take at once is written again', async () => {
  const due_at = ahead(HORIZON_SECONDS + 2);
  await relay(...Array.from({ length: 40 }, (_, n) => outbox({ queue: ROLE, message: { n }, due_at })));
  await on.moveClock(HORIZON_SECONDS + 3);
  let isSent = () => {};
  const sent = new Promise<void>((resolve) => (isSent = resolve));
  const send = documents.send.bind(documents) as (command: { input: object }) => Promise<object>;
  const deliver = sqs.send.bind(sqs) as (command: object) => Promise<object>;
  let refused = 0;
  const spies = [
    jest.spyOn(documents, 'send').mockImplementation(async (command: { input: object }) => {
      if (command instanceof QueryCommand && JSON.stringify(command.input).includes('"DUE#0"')) await sent;
      if (command instanceof BatchWriteCommand && ++refused <= 2)
        return { UnprocessedItems: command.input.RequestItems };
      return send(command);
    }),
    jest.spyOn(sqs, 'send').mockImplementation(async (command: object) => deliver(command).finally(isSent)),
  ];
  expect(await tick()).toEqual({ released: 40 });
  for (const spy of spies) spy.mockRestore();
  expect(refused).toBeGreaterThan(2);
  expect(await tick()).toEqual({ released: 0 });
  expect(await take(ROLE)).toHaveLength(40);
  await on.moveClock(0);
});

test('a timer for a queue that there is no more is kept apart, and holds up no other', async () => {
  const due_at = ahead(HORIZON_SECONDS + 2);
  await relay(
    outbox({ queue: 'NO_SUCH', message: 'stranded', due_at }),
    outbox({ queue: ROLE, message: 'goes', due_at }),
  );
  await on.moveClock(HORIZON_SECONDS + 3);
  await tick();
  const arrived = await eventually('the other arrives', async () => {
    const found = await take(ROLE);
    return found.length > 0 && found;
  });
  expect(arrived.map(({ body }) => body)).toEqual(['goes']);
  expect(await tick()).toEqual({ released: 0 });
  const kept = await timers.query(z.object({ queue: z.string(), message: z.unknown() }), { partition: 'STRANDED' });
  expect(kept.items).toEqual([{ queue: 'NO_SUCH', message: 'stranded' }]);
  await on.moveClock(0);
});

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
