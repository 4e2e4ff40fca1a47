import { DescribeTableCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { MAX_RECEIVES } from '../../lambdas/kernel/names';
import { setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { aCard, anAddress, aUser, bare, source } from './source';

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
