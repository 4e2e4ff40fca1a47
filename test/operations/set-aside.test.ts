import { receipt } from '../receipts/shop';
import { setFault } from '../support/faults';
import { proxyEvent } from '../support/gateway';
import { collect, type Desk, LETTERS, moved, openDesk, setAsideProfile, setAsideReceipt } from './desk';

let { p, operator, call, letters, inLane } = {} as Desk;
beforeAll(async () => {
  ({ p, operator, call, letters, inLane } = await openDesk('receipts'));
});
afterAll(() => p.close());
afterEach(() => setFault(undefined));

const ifMatch = async (path: string) => ({ 'if-match': (await call('GET', path)).headers['etag'] ?? '' });

test('a receipt goes back through the stream, as it was edited, and is counted', async () => {
  const own = await setAsideReceipt(p, '{"not": "a receipt"}');
  const id = `receipt.${own}`;
  const [found] = await inLane('Receipts.SetAside');
  expect(found).toMatchObject({ id, context: 'receipts', payload: { not: 'a receipt' }, can_discard: false });
  const payload = receipt({ transaction_id: `put-back-${own}` });
  expect((await call('PATCH', `${LETTERS}${id}/`, { payload })).status).toBe(200);
  expect((await call('GET', `${LETTERS}${id}/`)).body).toMatchObject({ payload, edited: true });
  expect((await call('DELETE', `${LETTERS}${id}/`)).status).toBe(409);
  expect((await call('POST', `${LETTERS}${id}/put-back/`)).status).toBe(202);
  expect(await inLane('Receipts.SetAside')).toEqual([]);
  expect((await call('POST', `${LETTERS}${id}/put-back/`)).status).toBe(409);
  await p.settle();
  const counted = await p.api('GET', `/api/checks/put-back-${own}/`, {}, operator, 'receipts');
  expect(counted.body).toMatchObject({ total_amount: '40.00' });
});

test('a record of the wrong shape is refused until it is corrected, or thrown away', async () => {
  const [first, second] = [await setAsideProfile(p), await setAsideProfile(p)];
  const path = `${LETTERS}profile.${first}/`;
  expect((await call('GET', path)).body).toMatchObject({
    attempts: 2,
    reason: 'city: missing',
    payload: { uid: first },
  });
  const refused = await call('POST', `${path}put-back/`);
  expect([refused.status, refused.body.errors[0].path]).toEqual([422, 'payload']);
  const bulk = await call('POST', `${LETTERS}put-back/`, { filter: { lane: 'Profiles.SetAside' } });
  expect(bulk.body).toMatchObject({ concerned: 2, put_back: 0 });
  expect(bulk.body.refused.map((one: { id: string }) => one.id).sort()).toEqual(
    [`profile.${first}`, `profile.${second}`].sort(),
  );
  const record = { uid: first, city: 'Lake Ada', street_address: '12 Mill Lane', country: 'Norway' };
  await call('PATCH', path, { payload: record });
  expect((await call('POST', `${path}put-back/`)).status).toBe(202);
  const stored = await p.api('GET', `/api/profiles/addresses/${first}/`, {}, operator, 'profiles');
  expect(stored.body.city).toBe('Lake Ada');
  expect((await call('DELETE', `${LETTERS}profile.${second}/`)).status).toBe(204);
  expect(await inLane('Profiles.SetAside')).toEqual([]);
});

test('a card number never comes into the desk: an edit that holds one is refused', async () => {
  const path = `${LETTERS}profile.${await setAsideProfile(p)}/`;
  const edit = (record: object) => call('PATCH', path, { payload: { uid: 'c-1', ...record } });
  const secrets = [
    { credit_card_number: '1234-2121-1221-1211' },
    { note: 'card 4111 1111 1111 1111 of Ada' },
    { credit_card_number: 4_111_111_111_111_111 },
    { inner: [{ Password: 'x' }] },
    { 'social-insurance-number': '900000000' },
  ];
  for (const payload of ['{"password": "x"}', [{ city: 'x' }], null]) {
    const { status, body } = await call('PATCH', path, { payload });
    expect([payload, status, body.errors?.[0].message]).toEqual([payload, 422, expect.stringContaining('JSON object')]);
  }
  for (const secret of secrets) {
    const { status, body } = await edit(secret);
    expect([secret, status, body.errors?.[0].path]).toEqual([secret, 422, 'payload']);
  }
  const harmless = {
    phone_number: '+1 (555) 555-5555 123',
    uid: '01234567-8901-4234-8678-901234567890',
    seen: '2026-01-31 12:00:00',
    credit_card_number: { first_six: '411111', last_four: '1111', fingerprint: 'x'.repeat(43) },
    city: 'Lake Ada',
  };
  expect((await edit(harmless)).status).toBe(200);
  expect((await call('DELETE', path)).status).toBe(204);
});

test('the list goes from kind to kind, page by page, each letter once', async () => {
  await moved(p, 'a');
  await moved(p, 'b');
  await collect(p);
  await setAsideReceipt(p, 'c');
  await setAsideProfile(p);
  const kinds: string[] = [];
  let next: string | null = `${LETTERS}?limit=1`;
  while (next) {
    const { body }: { body: { results: { kind: string }[]; next: string | null } } = await call('GET', next);
    kinds.push(...body.results.map(({ kind }) => kind));
    next = body.next;
  }
  expect(kinds).toEqual(expect.arrayContaining(['message', 'receipt', 'profile']));
  expect(kinds).toHaveLength((await letters('?limit=200')).length);
  expect(await letters('?context=receipts')).toHaveLength(1);
  expect((await letters('?reason=CITY')).every(({ kind }: { kind: string }) => kind === 'profile')).toBe(true);
  for (const { id, can_discard } of await letters()) if (can_discard) await call('DELETE', `${LETTERS}${id}/`);
});

test('an edit is of the record as it is set aside now, not of the same one set aside before', async () => {
  const own = await setAsideProfile(p);
  const path = `${LETTERS}profile.${own}/`;
  const edit = async (city: string) => (await call('PATCH', path, { payload: { uid: own, city } })).status;
  expect(await edit('Lake Ada')).toBe(200);
  await setAsideProfile(p, own, '2026-01-02T00:00:00.000Z');
  expect((await call('GET', path)).body).toMatchObject({ edited: false, payload: { uid: own } });
  expect((await call('GET', path)).body.payload).not.toHaveProperty('city');
  expect([await edit('Lake Bea'), (await call('GET', path)).body.payload.city]).toEqual([200, 'Lake Bea']);
  expect((await call('DELETE', path)).status).toBe(204);
});

test('of two edits at once of what both have read, one is refused; so is throwing away what was edited', async () => {
  const path = `${LETTERS}profile.${await setAsideProfile(p)}/`;
  for (let round = 0; round < 2; round++) {
    const headers = await ifMatch(path);
    const edit = (city: string) => call('PATCH', path, { payload: { city, round } }, headers);
    const edits = await Promise.all(['a', 'b'].map(edit));
    expect(edits.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect((await call('DELETE', path, undefined, headers)).status).toBe(412);
  }
  expect((await call('DELETE', path, undefined, await ifMatch(path))).status).toBe(204);
});

describe('while a context does not answer', () => {
  const noProfiles = (command: RegExp) =>
    setFault((one) => (one.entry === 'profiles/api' && command.test(one.command) ? new Error('no table') : undefined));

  test('its letters are to be asked for later, and none is said to be refused', async () => {
    const own = await setAsideProfile(p);
    const path = `${LETTERS}profile.${own}/`;
    const record = { uid: own, city: 'Lake Ada', street_address: '12 Mill Lane', country: 'Norway' };
    expect((await call('PATCH', path, { payload: record })).status).toBe(200);
    noProfiles(/^Transact|^Delete/);
    for (const [method, of] of [
      ['POST', `${path}put-back/`],
      ['DELETE', path],
    ] as const) {
      const { status, body, headers } = await call(method, of);
      expect([method, status, body.type]).toEqual([method, 503, '/docs/problems/#busy']);
      expect(headers['retry-after']).toBe('1');
    }
    const filter = { ids: [`profile.${own}`] };
    const bulk = await call('POST', `${LETTERS}put-back/`, { filter });
    expect(bulk.body).toMatchObject({
      put_back: 0,
      refused: [{ reason: expect.stringContaining('does not answer at the moment') }],
    });
    setFault(undefined);
    const event = proxyEvent({ method: 'GET', path, headers: operator.headers });
    const nobody = { API_URL: 'http://127.0.0.1:9' };
    expect(await p.run('Operations/Api', event, nobody)).toMatchObject({ statusCode: 503 });
    expect((await call('POST', `${path}put-back/`)).status).toBe(202);
  });

  test('the list gives what comes before it, and where to go on', async () => {
    await setAsideReceipt(p, 'x');
    const own = await setAsideProfile(p);
    noProfiles(/^Query/);
    const { status, body } = await call('GET', LETTERS);
    expect([status, new Set(body.results.map(({ kind }: { kind: string }) => kind))]).toEqual([
      200,
      new Set(['receipt']),
    ]);
    expect((await call('GET', body.next)).status).toBe(503);
    setFault(undefined);
    expect((await call('GET', body.next)).body.results.map(({ id }: { id: string }) => id)).toEqual([`profile.${own}`]);
  });
});
