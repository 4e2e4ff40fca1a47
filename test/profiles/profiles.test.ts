import { randomUUID } from 'node:crypto';
import { RESOURCES } from '../../lambdas/profiles/schema';
import { intercept, restore } from '../receipts/intercept';
import { calls, setFault } from '../support/faults';
import { type Collector, openCollector } from './collector';
import { aCard, anAddress, aUser } from './source';

let { p, operator, theSource, get, fetched, ran, findStored, close } = {} as Collector;
beforeAll(async () => {
  ({ p, operator, theSource, get, fetched, ran, findStored, close } = await openCollector());
});
afterAll(() => close());

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
