import { randomUUID } from 'node:crypto';
import { calls, setFault } from '../support/faults';
import { type Collector, openCollector } from './collector';
import { aCard, anAddress, aUser } from './source';

let { p, operator, theSource, get, fetched, ran, fetch, close } = {} as Collector;
beforeAll(async () => {
  ({ p, operator, theSource, get, fetched, ran, fetch, close } = await openCollector());
});
afterAll(() => close());

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
    const hurried = 'delayMs' in reply ? { SOURCE_TIMEOUT_MS: '300' } : {};
    expect(await ran('users', hurried)).toMatchObject({ state: 'failed', error, attempts, fetched: 0, stored: 0 });
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
      await fetch('users').catch(() => undefined);
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
  await fetch('users').catch(() => undefined);
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
