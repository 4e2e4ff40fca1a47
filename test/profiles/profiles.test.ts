import { randomUUID } from 'node:crypto';
import { findPeople } from '../../lambdas/profiles/records';
import { RESOURCES } from '../../lambdas/profiles/schema';
import { intercept, restore } from '../receipts/intercept';
import { calls, setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { aCard, anAddress, aUser, source } from './source';

let p: Platform;
let theSource: Awaited<ReturnType<typeof source>>;
let operator: Caller;

const FETCHERS = { users: 'FetchUsers', addresses: 'FetchAddresses', credit_cards: 'FetchCreditCards' } as const;
const settings = () => ({ RANDOM_DATA_API_URL: theSource.url, SOURCE_RETRY_MS: '1', SOURCE_TIMEOUT_MS: '300' });

const get = async (path: string) => (await p.api('GET', `/api/profiles/${path}`, {}, operator)).body;

/** A schedule's run with these records, and what is recorded of it. */
async function fetched(resource: keyof typeof FETCHERS, records: unknown, extra: Record<string, string> = {}) {
  theSource.gives(records);
  return ran(resource, extra);
}
async function ran(resource: keyof typeof FETCHERS, extra: Record<string, string> = {}) {
  await p.run(`Profiles/${FETCHERS[resource]}`, {}, { ...settings(), ...extra });
  // the first good one after bad ones is followed by one that catches up
  const { results } = await get(`runs/?resource=${resource}&limit=2`);
  return results.find(({ trigger }: { trigger: string }) => trigger === 'schedule');
}

/** What is stored under some uids, as a function reads it. */
const findStored = (uids: string[]) => {
  Object.assign(process.env, p.named('Profiles/FetchUsers').environment);
  return findPeople(uids, RESOURCES);
};

beforeAll(async () => {
  theSource = await source();
  p = await platform('profiles');
  operator = await p.callers.user('operator');
  Object.assign(p.named('Profiles/Steps/Function').environment, settings());
});
afterAll(async () => {
  theSource.close();
  await p.close();
});

describe('a batch', () => {
  test('is stored, and its run says what became of it', async () => {
    const known = aUser();
    await fetched('users', [known]);
    const run = await fetched('users', [known, aUser(), aUser({ uid: undefined }), 'nonsense']);
    expect(run).toMatchObject({
      resource: 'users',
      trigger: 'schedule',
      state: 'succeeded',
      fetched: 4,
      stored: 2,
      created: 1,
      set_aside: 2,
      attempts: 1,
      error: null,
    });
    expect(run.duration_ms).toBeGreaterThan(0);
  });

  test('may be a single object', async () => {
    const one = anAddress();
    expect(await fetched('addresses', one)).toMatchObject({ state: 'succeeded', fetched: 1, stored: 1 });
    expect(await get(`addresses/${one.uid}/`)).toMatchObject({ city: 'Lake Ada', latitude: 12.345678901234567 });
  });

  test('keeps fields that nobody knows', async () => {
    const one = aUser({ pk: 'not ours', expires_at: 1, user: 'x', extra: { deep: [1, { '': null }] } });
    await fetched('users', [one]);
    expect(await get(`users/${one.uid}/`)).toMatchObject({
      pk: 'not ours',
      expires_at: 1,
      extra: { deep: [1, { '': null }] },
    });
  });

  test('has fields with names of ours: each keeps its place, in the list too', async () => {
    const uid = randomUUID();
    const inside = { city: 'Inside', coordinates: { lat: 1 } };
    const fields = { uid, address: inside, credit_cards: 'two', created_at: 'long ago', user: 'x' };
    await fetched('users', [aUser(fields)]);
    await fetched('addresses', [anAddress({ uid, user: 'theirs', linked_at: 7 })]);
    const theirs = { source_address: inside, source_credit_cards: 'two', source_created_at: 'long ago', user: 'x' };
    const one = await get(`users/${uid}/`);
    expect(one).toMatchObject({ ...theirs, address: { uid, source_user: 'theirs', source_linked_at: 7, user: uid } });
    const { results } = await get('users/?limit=200');
    const listed = results.find((user: { uid: string }) => user.uid === uid);
    expect(listed).toMatchObject({ ...theirs, created_at: one.created_at });
    expect(listed).not.toHaveProperty('address');
  });

  test('longer than there is time for waits in messages that a queue takes, and is stored from there', async () => {
    const people = Array.from({ length: 60 }, () => aUser({ much: 'x'.repeat(10_000) }));
    const fetcher = p.named('Profiles/FetchUsers');
    const { timeoutSeconds } = fetcher;
    fetcher.timeoutSeconds = 5;
    setFault(() => undefined);
    const run = await fetched('users', [...people, aUser({ much: 'x'.repeat(190_000) }), ['x'.repeat(400_000)]]);
    expect(run).toMatchObject({ state: 'failed', error: 'storing failed: 62 of 62 records wait in the queue' });
    // what a call may hold is no more than a message may
    expect(calls.filter(({ command }) => command === 'SendMessageBatchCommand').length).toBeGreaterThanOrEqual(5);
    Object.assign(fetcher, { timeoutSeconds });
    setFault(undefined);
    await p.settle();
    for (const { uid } of people) expect(await get(`users/${uid}/`)).toMatchObject({ uid });
    const [kept] = (await get('set-aside/?resource=users&limit=1')).results;
    expect(kept.record).toMatch(/^a record of 4\d+ bytes, too large/);
  });

  test('that comes again updates, doubles nothing, and writes nothing when it is as it was', async () => {
    const one = aUser();
    await fetched('users', [one, one]);
    const before = await get(`users/${one.uid}/`);
    await fetched('users', [one]);
    expect(await get(`users/${one.uid}/`)).toEqual(before);
    const run = await fetched('users', [{ ...one, first_name: 'Bea' }]);
    expect(run).toMatchObject({ stored: 1, created: 0 });
    const after = await get(`users/${one.uid}/`);
    expect(after).toMatchObject({ first_name: 'Bea', created_at: before.created_at });
    expect(after.updated_at > before.updated_at).toBe(true);
    const found = (await get('users/?search=bea%20ber')).results.filter(({ uid }: { uid: string }) => uid === one.uid);
    expect(found).toHaveLength(1);
  });
});

describe('links', () => {
  test.each([
    ['users', 'addresses', 'credit_cards'],
    ['users', 'credit_cards', 'addresses'],
    ['addresses', 'users', 'credit_cards'],
    ['addresses', 'credit_cards', 'users'],
    ['credit_cards', 'users', 'addresses'],
    ['credit_cards', 'addresses', 'users'],
  ] as const)('are made whichever comes first: %s, %s, %s', async (...order) => {
    const uid = randomUUID();
    const records = { users: aUser({ uid }), addresses: anAddress({ uid }), credit_cards: aCard({ uid }) };
    let linked = 0;
    for (const resource of order) linked += (await fetched(resource, [records[resource]])).linked;
    expect(linked).toBe(2);
    const person = await get(`users/${uid}/`);
    expect(person.address).toMatchObject({ uid, user: uid });
    expect(person.credit_cards).toEqual([expect.objectContaining({ uid, user: uid })]);
  });

  test('are made exactly once when three functions run at once', async () => {
    const uids = Array.from({ length: 25 }, () => randomUUID());
    const makers = { users: aUser, addresses: anAddress, credit_cards: aCard };
    theSource.answers((path) => {
      const resource = RESOURCES.find((one) => path.includes(`/${one}?`)) ?? 'users';
      return { text: JSON.stringify(uids.map((uid) => makers[resource]({ uid }))) };
    });
    const made = await Promise.all(RESOURCES.map((resource) => ran(resource)));
    expect(made.map(({ stored }) => stored)).toEqual([25, 25, 25]);
    expect(made.reduce((sum, { linked }) => sum + linked, 0)).toBe(50);
    for (const person of (await findStored(uids)).values()) {
      const { uid } = person.users ?? {};
      expect([person.addresses?.user, person.credit_cards?.user]).toEqual([uid, uid]);
    }
  });

  test('stay when a record changes, go when the user is deleted, come again with the user', async () => {
    const uid = randomUUID();
    await fetched('addresses', [anAddress({ uid })]);
    await fetched('credit_cards', [aCard({ uid })]);
    const isListed = async (assigned: boolean) => {
      const { results } = await get(`addresses/?assigned=${assigned}&limit=200`);
      return results.some((one: { uid: string }) => one.uid === uid);
    };
    expect([await isListed(true), await isListed(false)]).toEqual([false, true]);
    await fetched('users', [aUser({ uid })]);
    expect([await isListed(true), await isListed(false)]).toEqual([true, false]);
    const { linked_at } = await get(`addresses/${uid}/`);
    await fetched('addresses', [anAddress({ uid, city: 'New Ada' })]);
    expect(await get(`addresses/${uid}/`)).toMatchObject({ city: 'New Ada', user: uid, linked_at });

    expect((await p.api('DELETE', `/api/profiles/users/${uid}/`, {}, operator)).status).toBe(204);
    expect((await p.api('GET', `/api/profiles/users/${uid}/`, {}, operator)).status).toBe(404);
    expect((await p.api('DELETE', `/api/profiles/users/${uid}/`, {}, operator)).status).toBe(404);
    expect(await get(`addresses/${uid}/`)).toMatchObject({ city: 'New Ada', user: null, linked_at: null });
    expect(await get(`credit-cards/${uid}/`)).toMatchObject({ user: null });
    expect([await isListed(true), await isListed(false)]).toEqual([false, true]);
    expect(await fetched('users', [aUser({ uid })])).toMatchObject({ created: 1, linked: 2 });
  });
});

describe('lists', () => {
  test('page through all users, newest first, without gaps', async () => {
    await fetched(
      'users',
      Array.from({ length: 12 }, () => aUser()),
    );
    const seen: string[] = [];
    let path = 'users/?limit=5';
    while (path) {
      const { results, next } = await get(path);
      seen.push(...results.map(({ created_at, uid }: { created_at: string; uid: string }) => `${created_at}#${uid}`));
      path = next?.replace('/api/profiles/', '');
    }
    expect(seen.length).toBeGreaterThanOrEqual(12);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual([...seen].sort().reverse());
  });

  test('search by the beginning of name or email, each user once, in pages', async () => {
    const mark = `q${randomUUID().slice(0, 6)}`;
    const people = Array.from({ length: 9 }, (_, n) =>
      n % 3 === 0
        ? aUser({ first_name: `${mark.toUpperCase()}n${n}`, email: `${mark}m${n}@example.com` })
        : n % 3 === 1
          ? aUser({ email: `${mark}m${n}@example.com` })
          : aUser({ first_name: `${mark}n${n}` }),
    );
    await fetched('users', people);
    const seen: string[] = [];
    let path = `users/?limit=2&search=${mark}`;
    while (path) {
      const { results, next } = await get(path);
      seen.push(...results.map(({ uid }: { uid: string }) => uid));
      path = next?.replace('/api/profiles/', '');
    }
    expect(seen.toSorted()).toEqual(people.map(({ uid }) => uid).toSorted());
  });

  test('hold names whose keys would be longer than a table takes, and find them', async () => {
    // one character that a search knows as eighteen
    const long = '\ufdfa'.repeat(200);
    const one = aUser({ first_name: long, last_name: long, email: `${'ю'.repeat(310)}@a.example` });
    expect(await fetched('users', [one])).toMatchObject({ stored: 1 });
    const { gsi2sk = '', gsi3sk = '' } = (await findStored([one.uid])).get(one.uid)?.users ?? {};
    for (const key of [gsi2sk, gsi3sk]) expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1_024);
    for (const search of [long.slice(0, 3), long.slice(0, 150), 'ю'.repeat(150)]) {
      expect((await get(`users/?search=${encodeURIComponent(search)}`)).results).toMatchObject([{ uid: one.uid }]);
    }
  });

  test('are an operator’s', async () => {
    for (const path of ['users/', 'addresses/', 'credit-cards/', 'runs/', 'set-aside/']) {
      expect((await p.api('GET', `/api/profiles/${path}`)).status).toBe(401);
      expect((await p.api('GET', `/api/profiles/${path}`, {}, await p.callers.user())).status).toBe(403);
      expect((await p.api('GET', `/api/profiles/${path}`, {}, operator)).status).toBe(200);
    }
  });
});

test('of what is asked for at once a table may answer a part: the rest is asked for again, with patience, not for ever', async () => {
  const uids = Array.from({ length: 3 }, () => randomUUID());
  await fetched(
    'users',
    uids.map((uid) => aUser({ uid })),
  );
  const answers = (most: number) =>
    intercept('documents', 'BatchGetItemCommand', async ({ RequestItems }, read) => {
      const cut = (from: number, to?: number) =>
        Object.fromEntries(
          Object.entries(RequestItems as Record<string, { Keys: unknown[] }>)
            .map(([name, { Keys, ...rest }]) => [name, { Keys: Keys.slice(from, to), ...rest }] as const)
            .filter(([, { Keys }]) => Keys.length),
        );
      const given = most ? await read({ RequestItems: cut(0, most) }) : { Responses: {} };
      return { ...given, UnprocessedKeys: cut(most) };
    });
  answers(1);
  expect((await findStored(uids)).get(uids[2] ?? '')?.users?.uid).toBe(uids[2]);
  restore();
  answers(0);
  await expect(findStored(uids)).rejects.toMatchObject({ status: 503 });
  restore();
});

describe('a source that has a bad day', () => {
  test.each([
    ['asks to retry later', { text: 'Retry later\n' }, 'the source asks to retry later', 4],
    ['asks so in JSON', { text: '"Retry later"' }, 'the source asks to retry later', 4],
    ['answers an empty list', { text: '[]' }, 'the list is empty', 4],
    ['answers nothing', { text: '' }, 'the answer is empty', 4],
    ['answers nonsense', { text: '<html>4242 4242 4242 4242' }, 'the answer is not JSON (25 characters)', 4],
    ['answers something else', { text: '{"error":"x"}' }, 'the answer is neither a list nor a record', 4],
    ['answers 500', { status: 500, text: '[]' }, 'the source answered 500', 4],
    ['answers 429', { status: 429, text: '' }, 'the source answered 429', 4],
    ['redirects', { status: 302, text: '', headers: { location: '/x' } }, 'the source answered 302', 1],
    ['refuses for good', { status: 403, text: '' }, 'the source answered 403', 1],
    ['does not answer in time', { text: '[]', delayMs: 5_000 }, 'no answer within 300 ms', 4],
  ])('%s: a failed run with its reason', async (_, reply, error, attempts) => {
    theSource.answers(reply);
    expect(await ran('users')).toMatchObject({ state: 'failed', error, attempts, fetched: 0, stored: 0 });
  });

  test('hangs up, or is not there', async () => {
    theSource.answers(() => undefined);
    expect(await ran('users')).toMatchObject({ state: 'failed', error: 'no answer: ECONNRESET' });
    expect(await ran('users', { RANDOM_DATA_API_URL: 'http://127.0.0.1:9' })).toMatchObject({
      state: 'failed',
      error: 'no answer: ECONNREFUSED',
    });
  });

  test('gets better within a run', async () => {
    let asked = 0;
    theSource.answers(() => (++asked < 3 ? { text: 'Retry later' } : { text: JSON.stringify([aUser()]) }));
    expect(await ran('users')).toMatchObject({ state: 'succeeded', attempts: 3, stored: 1, error: null });
  });

  test('gives wrong shapes only: all set aside, and the run failed', async () => {
    const run = await fetched('addresses', [anAddress({ city: ['x'] }), anAddress({ country: null })]);
    expect(run).toMatchObject({
      state: 'failed',
      fetched: 2,
      set_aside: 2,
      error: 'none of 2 records has the right shape',
    });
  });
});

test('a function that dies at any of its calls loses nothing: the next run stores what is missing, links each once', async () => {
  const crowd = Array.from({ length: 3 }, () => randomUUID());
  await fetched(
    'addresses',
    crowd.map((uid) => anAddress({ uid })),
  );
  const batch = [...crowd.map((uid) => aUser({ uid })), aUser({ uid: '' })];
  theSource.gives(batch);
  setFault(undefined);
  await ran('users');
  const most = calls.filter(({ entry }) => entry === 'profiles/fetch').length;
  expect(most).toBeGreaterThan(6);
  for (let end = 1; end <= most; end++) {
    for (const when of ['before', 'after'] as const) {
      const uids = crowd.map(() => randomUUID());
      setFault(undefined);
      await fetched(
        'addresses',
        uids.map((uid) => anAddress({ uid })),
      );
      theSource.gives([...uids.map((uid) => aUser({ uid })), aUser({ uid: '' })]);
      setFault(({ entry, number }) => (entry === 'profiles/fetch' && number === end ? when : undefined));
      await p.run('Profiles/FetchUsers', {}, settings()).catch(() => undefined);
      setFault(undefined);
      await ran('users');
      for (const uid of uids) {
        expect((await get(`users/${uid}/`)).address).toMatchObject({ uid, user: uid, linked_at: expect.any(String) });
      }
    }
  }
});

describe('what is owed', () => {
  const catchUps = async () =>
    (await get('runs/?resource=addresses&limit=200')).results.filter(
      ({ trigger }: { trigger: string }) => trigger === 'catch_up',
    );

  test('by runs that got nothing is fetched once the source is back, as many batches as are missing', async () => {
    await fetched('addresses', [anAddress()]);
    await p.settle();
    const before = (await catchUps()).length;
    theSource.answers({ status: 503, text: '' });
    for (let minute = 0; minute < 3; minute++) expect(await ran('addresses')).toMatchObject({ state: 'failed' });
    theSource.answers(() => ({ text: JSON.stringify([anAddress(), anAddress()]) }));
    expect(await ran('addresses')).toMatchObject({ state: 'succeeded', stored: 2 });
    expect(await catchUps()).toHaveLength(before + 1);
    await p.settle(async () => (await catchUps())[0].state === 'succeeded');
    const [run] = await catchUps();
    expect(run).toMatchObject({ state: 'succeeded', batches: 3, batches_done: 3, created: 6 });
    // and no more than once
    await ran('addresses');
    expect(await catchUps()).toHaveLength(before + 1);
  });

  test('by a run that lost what it had fetched is fetched again', async () => {
    await ran('addresses');
    await p.settle();
    const before = (await catchUps()).length;
    theSource.answers(() => ({ text: JSON.stringify([anAddress(), anAddress()]) }));
    // neither the tables nor the queue take it; the run's own end is told
    let writes = 0;
    setFault(({ entry, command }) =>
      entry === 'profiles/fetch' &&
      (command === 'SendMessageBatchCommand' || (command === 'TransactWriteItemsCommand' && ++writes <= 2))
        ? Object.assign(new Error('too fast'), { name: 'ThrottlingException' })
        : undefined,
    );
    expect(await ran('addresses')).toMatchObject({ state: 'failed', fetched: 2, stored: 0 });
    setFault(undefined);
    await p.settle();
    expect(await catchUps()).toHaveLength(before + 1);
    expect((await catchUps())[0]).toMatchObject({ state: 'succeeded', batches: 1, created: 2 });
  });

  test('before a run whose records were all of the wrong shape is fetched after it, and looked for no further', async () => {
    const before = (await catchUps()).length;
    theSource.answers({ status: 503, text: '' });
    await ran('addresses');
    theSource.gives([anAddress({ city: [] })]);
    await ran('addresses');
    expect(await catchUps()).toHaveLength(before + 1);
    theSource.answers(() => ({ text: JSON.stringify([anAddress()]) }));
    await p.settle();
    theSource.gives([anAddress({ city: [] })]);
    for (let minute = 0; minute < 25; minute++) await ran('addresses');
    setFault(() => undefined);
    await ran('addresses');
    const looks = calls.filter(({ entry, command }) => entry === 'profiles/fetch' && command === 'QueryCommand');
    setFault(undefined);
    expect(looks).toHaveLength(1);
    expect(await catchUps()).toHaveLength(before + 1);
  });

  test('by a source that gave nothing but wrong shapes is nothing: those are set aside', async () => {
    await fetched('addresses', [anAddress({ city: [] })]);
    const before = (await catchUps()).length;
    await fetched('addresses', [anAddress()]);
    expect(await catchUps()).toHaveLength(before);
  });
});

test('what was fetched and cannot be stored waits in the queue, and is stored later', async () => {
  const people = Array.from({ length: 4 }, () => aUser());
  theSource.gives([...people, aUser({ uid: '' })]);
  const throttled = () => Object.assign(new Error('too fast'), { name: 'ThrottlingException' });
  setFault(({ entry, command }) =>
    entry === 'profiles/fetch' && command === 'TransactWriteItemsCommand' ? throttled() : undefined,
  );
  const run = await ran('users');
  setFault(undefined);
  expect(run).toMatchObject({ state: 'failed', fetched: 5, stored: 0, set_aside: 1 });
  expect(run.error).toBe('storing failed: 4 of 5 records wait in the queue');
  expect((await p.api('GET', `/api/profiles/users/${people[0]?.uid}/`, {}, operator)).status).toBe(404);
  // and fails once more on its way
  let failed = 0;
  setFault(({ entry, command }) =>
    entry === 'profiles/store' && command === 'TransactWriteItemsCommand' && !failed++ ? throttled() : undefined,
  );
  await p.settle();
  setFault(undefined);
  for (const { uid } of people) expect(await get(`users/${uid}/`)).toMatchObject({ uid, first_name: 'Ada' });
});

describe('a record of the wrong shape', () => {
  test('waits with its reason, is counted, and is stored once it is corrected', async () => {
    const wrong = aUser({ first_name: ['Ada'] });
    await fetched('users', [wrong, aUser()]);
    await fetched('users', [wrong]);
    const { results } = await get('set-aside/?resource=users&limit=200');
    const kept = results.find(({ record }: { record: { uid?: string } }) => record?.uid === wrong.uid);
    expect(kept).toMatchObject({ resource: 'users', times: 2, reason: expect.stringContaining('first_name') });

    const retry = (body: unknown, headers = {}) =>
      p.api('POST', `/api/profiles/set-aside/${kept.id}/retry/`, { body, headers }, operator);
    const refused = await retry({});
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: 'record.first_name' }] } });
    const corrected = { record: { ...kept.record, first_name: 'Ada' } };
    const headers = { 'idempotency-key': randomUUID() };
    const [stored, ...again] = await Promise.all([1, 2, 3].map(() => retry(corrected, headers)));
    for (const answer of [...again, await retry(corrected, headers)]) {
      expect(answer).toMatchObject({ status: 200, body: stored?.body });
    }
    expect(stored).toMatchObject({ status: 200, body: { uid: wrong.uid, created: true } });
    expect(await get(`users/${wrong.uid}/`)).toMatchObject({
      first_name: 'Ada',
      credit_card: { cc_number: { first_six: '424242', last_four: '4242' } },
    });
    expect((await p.api('GET', `/api/profiles/set-aside/${kept.id}/`, {}, operator)).status).toBe(404);
  });

  test('can be thrown away', async () => {
    await fetched('credit_cards', [aCard({ uid: '' })]);
    const [kept] = (await get('set-aside/?resource=credit_cards')).results;
    expect((await p.api('DELETE', `/api/profiles/set-aside/${kept.id}/`, {}, operator)).status).toBe(204);
    expect((await p.api('GET', `/api/profiles/set-aside/${kept.id}/`, {}, operator)).status).toBe(404);
  });

  test('too large or too deep to be stored does not hold up the rest', async () => {
    const text = JSON.stringify([aUser({ much: 'x'.repeat(400_000) }), aUser({ deep: 'DEEP' }), aUser()]);
    theSource.answers({ text: text.replace('"DEEP"', '['.repeat(5_000) + ']'.repeat(5_000)) });
    const run = await ran('users');
    expect(run).toMatchObject({ state: 'succeeded', fetched: 3, stored: 2, set_aside: 1 });
  });
});

describe('a run that is asked for', () => {
  const start = (body: unknown, headers = {}) => p.api('POST', '/api/profiles/runs/', { body, headers }, operator);
  const work = async (id: string, done: (run: { state: string; batches_done: number }) => boolean) => {
    await p.settle(async () => done(await get(`runs/${id}/`)));
    return get(`runs/${id}/`);
  };

  const stepOf = (run: string, step: number) => ({
    Records: [
      {
        messageId: '1',
        receiptHandle: 'x',
        body: JSON.stringify({ run, step }),
        attributes: { ApproximateReceiveCount: '1' },
      },
    ],
  });

  test('fetches a batch', async () => {
    theSource.gives([anAddress(), anAddress()]);
    const { status, body } = await start({ resource: 'addresses' });
    expect(status).toBe(202);
    expect(body).toMatchObject({ state: 'queued', trigger: 'request', batches: 1 });
    const run = await work(body.id, ({ state }) => state !== 'queued' && state !== 'running');
    expect(run).toMatchObject({ state: 'succeeded', batches_done: 1, fetched: 2, stored: 2 });
  });

  test('fetches many in steps, counted once each, whatever is delivered twice', async () => {
    theSource.answers(() => ({ text: JSON.stringify([aUser(), aUser(), aUser()]) }));
    const { body } = await start({ resource: 'users', batches: 5 });
    const again = await start({ resource: 'users', batches: 0 });
    expect(again).toMatchObject({ status: 422, body: { errors: [{ path: 'batches' }] } });
    const run = await work(body.id, ({ state }) => state === 'succeeded');
    expect(run).toMatchObject({ batches_done: 5, fetched: 15, stored: 15, created: 15 });
    expect(await p.run('Profiles/Steps/Function', stepOf(body.id, 2))).toEqual({ batchItemFailures: [] });
    expect(await get(`runs/${body.id}/`)).toEqual(run);
  });

  test('the same Idempotency-Key starts one', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all([1, 2, 3].map(() => start({ resource: 'users' }, headers)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  test('of one batch fails with the source', async () => {
    theSource.answers({ status: 500, text: '' });
    const { body } = await start({ resource: 'users' });
    expect(await work(body.id, ({ state }) => state === 'failed')).toMatchObject({
      error: 'the source answered 500',
      attempts: 4,
    });
  });

  test('of many outlasts a source that is down for long and loses nothing', async () => {
    let given = 0;
    let isBack = false;
    theSource.answers(() =>
      given === 2 && !isBack
        ? { status: 503, text: '' }
        : { text: JSON.stringify([aCard({ uid: `card-${given++}` })]) },
    );
    const { body } = await start({ resource: 'credit_cards', batches: 4 });
    const run = () => get(`runs/${body.id}/`);
    await p.settle(async () => (await run()).error !== null);
    // the next tries are ten seconds, twenty, … away: given by hand when they would be due
    let next = 3;
    const due = () => p.run('Profiles/Steps/Function', stepOf(body.id, next++));
    for (let failure = 2; failure <= 8; failure++) await due();
    expect(await run()).toMatchObject({ state: 'running', batches_done: 2, error: 'the source answered 503' });
    isBack = true;
    for (let batch = 3; batch <= 4; batch++) await due();
    expect(await run()).toMatchObject({ state: 'succeeded', batches_done: 4, stored: 4, error: null });
  });
});

// last: from here on, newer runs have older ids
test('a run does not stay open when its function died', async () => {
  const newest = async () => (await get('runs/?resource=users&limit=1')).results[0];
  theSource.answers(() => ({ text: JSON.stringify([aUser()]) }));
  // ends those that died before
  await p.moveClock(600);
  await ran('users');
  setFault(({ entry, number }) => (entry === 'profiles/fetch' && number === 4 ? 'before' : undefined));
  await p.run('Profiles/FetchUsers', {}, settings()).catch(() => undefined);
  setFault(undefined);
  const lost = await newest();
  expect(lost).toMatchObject({ state: 'running', finished_at: null });
  await ran('users');
  expect((await get(`runs/${lost.id}/`)).state).toBe('running');
  await p.moveClock(1_200);
  // one that fails itself leaves it, with what it owes, to the next
  theSource.answers({ status: 503, text: '' });
  await ran('users');
  expect((await get(`runs/${lost.id}/`)).state).toBe('running');
  theSource.answers(() => ({ text: JSON.stringify([aUser()]) }));
  await ran('users');
  expect(await get(`runs/${lost.id}/`)).toMatchObject({
    state: 'failed',
    error: 'the function ended before the run did',
  });
  const { results } = await get('runs/?resource=users&limit=5');
  expect(results.find(({ trigger }: { trigger: string }) => trigger === 'catch_up')).toMatchObject({ batches: 2 });
  await p.moveClock(0);
});
