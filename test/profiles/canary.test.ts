import { DescribeTableCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { MAX_RECEIVES } from '../../lambdas/kernel/names';
import { protector } from '../../lambdas/profiles/protect';
import { setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { aCard, anAddress, aUser, source } from './source';

const CARD = '4539578763621486';
const GROUPED = '4539-5787-6362-1486';
const PASSWORD = 'canary-in-the-coal-mine';
const INSURANCE = '736502319';

let p: Platform;
let theSource: Awaited<ReturnType<typeof source>>;
let operator: Caller;
const logLines: string[] = [];
const answers: string[] = [];

beforeAll(async () => {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = ((text: string, ...rest: never[]) => {
    logLines.push(String(text));
    return write(text, ...rest);
  }) as typeof write;
  theSource = await source();
  p = await platform('profiles');
  operator = await p.callers.user('operator');
  Object.assign(p.named('Profiles/Steps/Function').environment, settings());
});
afterAll(async () => {
  theSource.close();
  await p.close();
});

const settings = () => ({ RANDOM_DATA_API_URL: theSource.url, SOURCE_RETRY_MS: '1', SOURCE_TIMEOUT_MS: '500' });

async function call(method: string, path: string, body?: unknown) {
  const answer = await p.api(method, `/api/profiles/${path}`, body === undefined ? {} : { body }, operator);
  answers.push(JSON.stringify(answer));
  return answer.body;
}

/** All of the environment of the context's functions: which tables and queues there are. */
const named = (pattern: RegExp): string[] => [
  ...new Set(
    p.parts.functions
      .filter(({ path }) => path.startsWith('Profiles/'))
      .flatMap(({ environment }) => Object.entries(environment))
      .flatMap(([name, value]) => (pattern.test(name) && value ? [value] : [])),
  ),
];

async function everythingKept(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const dynamo = new DynamoDBClient({});
  const streams = new DynamoDBStreamsClient({});
  const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
  for (const TableName of named(/(^|_)TABLE(_NAME)?$/)) {
    found[`table ${TableName}`] = JSON.stringify((await dynamo.send(new ScanCommand({ TableName }))).Items);
    const { Table } = await dynamo.send(new DescribeTableCommand({ TableName }));
    const StreamArn = Table?.LatestStreamArn;
    if (!StreamArn) continue;
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
    for (const { ShardId } of StreamDescription?.Shards ?? []) {
      const start = new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' });
      let iterator = (await streams.send(start)).ShardIterator;
      for (let reads = 0; iterator && reads < 20; reads++) {
        const { Records, NextShardIterator } = await streams.send(new GetRecordsCommand({ ShardIterator: iterator }));
        found[`stream ${TableName} ${ShardId} ${reads}`] = JSON.stringify(Records);
        if (!Records?.length) break;
        iterator = NextShardIterator;
      }
    }
  }
  for (const QueueUrl of named(/_QUEUE_URL$/)) {
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    found[`queue ${QueueUrl}`] = JSON.stringify(Messages ?? []);
  }
  found['log lines'] = logLines.join('');
  found['answers'] = answers.join('');
  return found;
}

/** What makes it pass Luhn's check. */
const checkDigit = (digits: string): string => {
  const sum = [...digits].reverse().reduce((total, one, place) => {
    const doubled = Number(one) * (place % 2 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return String((10 - (sum % 10)) % 10);
};

const bare = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, '');

test('a known card number, password and insurance number are nowhere', async () => {
  const uid = '7be3a1f4-3c0c-4a5e-9a51-1d5b7f0c1d11';
  const good = {
    users: aUser({ uid, password: PASSWORD, social_insurance_number: INSURANCE, credit_card: { cc_number: GROUPED } }),
    addresses: anAddress({
      uid,
      mail_box: `see card ${CARD}`,
      community: `pay with ${GROUPED.replaceAll('-', ' : ')}`,
      notes: [{ text: `${CARD.slice(0, 8)} ${CARD.slice(8)}` }],
    }),
    credit_cards: aCard({ uid, credit_card_number: GROUPED, cvv: '921', backup: Number(CARD), [CARD]: 'a name' }),
  };
  const wrong = [
    { ...good.credit_cards, uid: undefined },
    { ...good.credit_cards, credit_card_number: [GROUPED] },
    { ...good.credit_cards, uid: CARD, credit_card_type: 5 },
    { ...good.users, first_name: { password: PASSWORD, Password: PASSWORD, card: `${CARD}0000` } },
    CARD,
    [GROUPED, { social_insurance_number: INSURANCE }],
    Number(CARD),
  ];
  const fetchers = { users: 'FetchUsers', addresses: 'FetchAddresses', credit_cards: 'FetchCreditCards' } as const;
  for (const [resource, fetcher] of Object.entries(fetchers)) {
    const run = () => p.run(`Profiles/${fetcher}`, {}, settings());
    const batch = JSON.stringify([good[resource as keyof typeof good], ...wrong]);
    theSource.answers({ text: batch });
    await run();
    // an answer that breaks off in the middle of the number, an error that quotes it, a single record
    for (const text of [
      batch.slice(0, batch.indexOf(GROUPED) + 19),
      `${GROUPED} is wrong`,
      `{"error":"${CARD}"}`,
      `"${CARD}"`,
    ]) {
      theSource.answers({ text });
      await run();
      theSource.answers({ status: 500, text });
      await run();
    }
    theSource.answers({ text: batch });
    await call('POST', 'runs/', { resource, batches: 2 });
    await p.settle();
  }
  // what was set aside is tried again, corrected with the number in it
  const { results } = await call('GET', 'set-aside/?limit=200');
  expect(results.length).toBeGreaterThanOrEqual(wrong.length);
  for (const { id, resource } of results) {
    await call('POST', `set-aside/${id}/retry/`, {});
    await call('POST', `set-aside/${id}/retry/`, {
      record: { ...(good as Record<string, object>)[resource], uid: id },
    });
  }
  for (const path of [
    'users/',
    `users/${uid}/`,
    'addresses/',
    'credit-cards/',
    `credit-cards/${uid}/`,
    'runs/',
    'set-aside/',
  ]) {
    await call('GET', path);
  }
  // a message that nobody can work on ends among the dead letters
  await p.run('Profiles/Steps/Function', {
    Records: [{ messageId: '1', receiptHandle: 'x', body: '{"run":1}', attributes: { ApproximateReceiveCount: '1' } }],
  });

  // what cannot be stored waits in a queue, and what fails there for good ends among the dead letters
  theSource.answers({ text: JSON.stringify([{ ...good.users, uid: 'waits' }, ...wrong]) });
  setFault(({ entry, command }) =>
    /^profiles\/(fetch|store)$/.test(entry) && /TransactWrite|UpdateItem/.test(command)
      ? Object.assign(new Error(`refused ${entry}`), { name: 'ThrottlingException' })
      : undefined,
  );
  const records = named(/^PROFILES_RECORDS_QUEUE_URL$/)[0];
  await p.run('Profiles/FetchUsers', {}, settings()).catch(() => undefined);
  const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
  const { Messages: [waiting] = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: records, VisibilityTimeout: 0 }),
  );
  const last = { messageId: '1', receiptHandle: 'x', attributes: { ApproximateReceiveCount: String(MAX_RECEIVES) } };
  await p.run('Profiles/Store/Function', { Records: [{ ...last, body: waiting?.Body }] });
  setFault(undefined);

  const kept = await everythingKept();
  const queues = Object.entries(kept).filter(([name]) => name.startsWith('queue'));
  expect(kept[`queue ${records}`]).toContain('waits');
  expect(queues.filter(([, text]) => text.includes('could not be stored'))).toHaveLength(1);
  expect(Object.keys(kept).length).toBeGreaterThan(10);
  expect(
    Object.entries(kept).filter(([name, text]) => name.startsWith('table') && text.length > 10).length,
  ).toBeGreaterThan(3);
  for (const secret of [CARD, PASSWORD, INSURANCE]) {
    const where = Object.entries(kept).flatMap(([name, text]) => (bare(text).includes(bare(secret)) ? [name] : []));
    expect({ secret, where }).toEqual({ secret, where: [] });
  }
  // and yet the same card is known again
  const [card] = (await call('GET', `users/${uid}/`)).credit_cards;
  const { cc_number } = (await call('GET', `users/${uid}/`)).credit_card;
  expect(card.credit_card_number).toEqual(cc_number);
  expect(card.credit_card_number).toMatchObject({ first_six: '453957', last_four: '1486' });
  expect(card).not.toHaveProperty('cvv');
  expect(card.backup).toBe('453957…1486');
});

describe('protecting', () => {
  let protect: (value: unknown) => unknown;
  beforeAll(async () => {
    Object.assign(process.env, {
      CONTEXT_SECRET_ARN: p.named('Profiles/FetchUsers').environment['CONTEXT_SECRET_ARN'],
    });
    protect = await protector();
  });

  const number = fc.stringMatching(/^[1-9]\d{12,18}$/);
  const separator = fc.constantFrom('', ' ', '-', '.', '–', '\u00a0', '  ', '/', '\u200b');
  const written = fc
    .tuple(number, fc.array(separator, { minLength: 18, maxLength: 18 }))
    .map(([digits, between]) => ({ digits, text: [...digits].map((one, at) => one + (between[at] ?? '')).join('') }));
  /** With a card's check digit, and whatever is neither letter nor digit between the digits. */
  const spread = fc
    .tuple(
      fc.stringMatching(/^[1-9]\d{11,17}$/),
      fc.array(fc.constantFrom('', ':', ' | ', '*', '(', ')', '---', ' - ', '+', '=\t=', '₽'), {
        minLength: 19,
        maxLength: 19,
      }),
    )
    .map(([most, between]) => {
      const digits = most + checkDigit(most);
      return { digits, text: [...digits].map((one, at) => one + (at < most.length ? between[at] : '')).join('') };
    });
  const field = fc.constantFrom('credit_card_number', 'cc_number', 'note', 'id', 'Credit Card Number', 'phone_number');

  test('no number of 13 to 19 digits survives, wherever it is and however it is written', () => {
    fc.assert(
      fc.property(
        written,
        field,
        fc.string(),
        fc.string(),
        fc.nat(6),
        ({ digits, text }, name, before, after, depth) => {
          let value: unknown = { [name]: `${before}x${text}y${after}`, [`k ${text}`]: [text], plain: text };
          for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { inner: value };
          expect(bare(JSON.stringify(protect(value)))).not.toContain(digits);
        },
      ),
    );
  });

  test('nor does a card number with more between its digits, beside other numbers too', () => {
    fc.assert(
      fc.property(
        spread,
        fc.constantFrom('x', '1: ', '12 | ', 'no. 7:', '2026-01-31 12:00:00 '),
        fc.constantFrom('y', ' : 9', ', 12/27', '|12|2027|123'),
        ({ digits, text }, before, after) => {
          expect(bare(JSON.stringify(protect({ note: before + text + after, [text]: 1 })))).not.toContain(digits);
        },
      ),
      { numRuns: 1_000 },
    );
    expect(protect('4539:5787:6362:1486')).toBe('453957…1486');
    expect(protect('at 12:30, 4539 | 5787 | 6362 | 1486 | 12/27')).not.toContain('5787');
  });

  test('what is no card number stays as it is', () => {
    const record = {
      uid: '12345678-1234-4123-8123-123456789012',
      phone_number: '+376 471.803.1259',
      date_of_birth: '1990-04-12',
      at: '2026-01-31T12:00:00.000Z',
      seen: '2026-01-31 12:00:00',
      // with the check digit of a card
      left: ['2026-01-31 12:00:04', '2026-01-31 12:00:00.001'],
      two_phones: '+376 471.803.1259, +376 471.803.1259',
      sizes: '(4539) : (5787) : (6362) : (1487)',
      latitude: -12.345678901234567,
      id: 123_456_789_012 - 1,
      full_address: 'Apt. 870 82517 Murphy Mountain, Lake Neil, CO 54432-4510',
      avatar: 'https://robohash.org/etmollitia.png?size=300x300&set=set1',
      nothing: null,
      yes: true,
    };
    expect(protect(record)).toEqual(record);
  });

  test('protecting twice changes nothing more; the same card has the same fingerprint, another has another', () => {
    fc.assert(
      fc.property(written, number, ({ digits, text }, other) => {
        const once = protect({ credit_card_number: text }) as { credit_card_number: { fingerprint: string } };
        expect(protect(once)).toEqual(once);
        expect(protect({ credit_card_number: digits })).toEqual(once);
        fc.pre(other !== digits);
        expect(protect({ credit_card_number: other })).not.toEqual(once);
      }),
    );
  });
});
