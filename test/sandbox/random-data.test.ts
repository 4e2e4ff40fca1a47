import type { APIGatewayProxyResult } from 'aws-lambda';
import { type Kind, records } from '../../lambdas/sandbox/people';
import { proxyEvent, serveGateway } from '../support/gateway';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';

let p: Platform;
let operator: Caller;
let gateway: Awaited<ReturnType<typeof serveGateway>>;
const BASE = '/sandbox/random-data';

const call = async (method: string, path: string, body?: object, caller?: Caller) => {
  const headers = { 'content-type': 'application/json', ...caller?.headers };
  const event = proxyEvent({ method, path: BASE + path, headers, ...(body && { body: JSON.stringify(body) }) });
  const { statusCode, body: text } = await p.run<APIGatewayProxyResult>('Sandbox/RandomData', event);
  return { status: statusCode, text, json: () => JSON.parse(text) };
};
const { now } = Date;
let passedMs = 0;
/** As if a second had passed: the stand-in gives five answers a second, and looks for its faults five times. */
const nextSecond = () => {
  passedMs += 1_000;
};
/** The first of its second is not asked to retry later. */
const patient = (path: string) => {
  nextSecond();
  return call('GET', path);
};
const setFaults = (faults: object) => call('PUT', '/faults/', faults, operator);

beforeAll(async () => {
  jest.spyOn(Date, 'now').mockImplementation(() => now() + passedMs);
  p = await platform('profiles');
  operator = await p.callers.user('operator');
  gateway = await serveGateway((request) => p.run('Sandbox/RandomData', proxyEvent(request)));
});
afterAll(async () => {
  gateway.server.closeAllConnections();
  gateway.server.close();
  await p.close();
});
afterEach(() => setFaults({ mode: 'none' }));

test('records have all the fields of the service’s own', async () => {
  const [user] = (await patient('/api/v2/users?size=1')).json();
  expect(Object.keys(user).sort()).toEqual(
    [
      'id uid password first_name last_name username email avatar gender phone_number social_insurance_number',
      'date_of_birth employment address credit_card subscription',
    ]
      .join(' ')
      .split(' ')
      .sort(),
  );
  const address = (await patient('/api/v2/addresses')).json();
  expect(Object.keys(address).sort()).toEqual(
    [
      'id uid city street_name street_address secondary_address building_number mail_box community zip_code zip postcode',
      'time_zone street_suffix city_suffix city_prefix state state_abbr country country_code latitude longitude full_address',
    ]
      .join(' ')
      .split(' ')
      .sort(),
  );
  const cards = (await patient('/api/v2/credit_cards?size=500')).json();
  expect(cards).toHaveLength(100);
  expect(cards[0].credit_card_number).toMatch(/^\d{4}(-\d{1,4}){2,4}$/);
});

test('users, addresses and cards are of the same people, some are of nobody, some come again changed', () => {
  const uids = (kind: Kind) =>
    Array.from({ length: 8 }, (_, batch) => records(kind, batch * 25, 25) as { uid: string }[]).flat();
  const [users, addresses, cards] = [uids('users'), uids('addresses'), uids('credit_cards')];
  const people = new Set(users.map(({ uid }) => uid));
  const owned = (all: { uid: string }[]) => all.filter(({ uid }) => people.has(uid)).length / all.length;
  expect(owned(addresses)).toBeGreaterThan(0.8);
  expect(owned(cards)).toBeGreaterThan(0.8);
  expect(owned(addresses)).toBeLessThan(1);
  const [again] = users.slice(49, 50);
  const before = users.slice(0, 49).find(({ uid }) => uid === again?.uid);
  expect(before).toBeDefined();
  expect(again).not.toEqual(before);
});

test('who asks too fast is asked to retry later, with status 200', async () => {
  const answers = await Promise.all(Array.from({ length: 15 }, () => call('GET', '/api/v2/users?size=1')));
  const refused = answers.filter(({ text }) => text === 'Retry later\n');
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.every(({ status }) => status === 200)).toBe(true);
});

test('there is nothing else', async () => {
  expect((await call('GET', '/api/v2/cars')).status).toBe(404);
  expect((await call('GET', '/api/v2/constructor')).status).toBe(404);
  expect((await call('POST', '/api/v2/users')).status).toBe(404);
});

test('faults are an operator’s', async () => {
  expect((await call('PUT', '/faults/', { mode: '500' })).status).toBe(401);
  expect((await call('PUT', '/faults/', { mode: '500' }, await p.callers.user('analyst'))).status).toBe(403);
  expect((await setFaults({ mode: 'on fire' })).status).toBe(422);
  expect((await setFaults({ mode: '500', rate: 0.5 })).json()).toMatchObject({ mode: '500', rate: 0.5, until: null });
  expect((await call('GET', '/faults/', undefined, operator)).json()).toMatchObject({ mode: '500' });
});

test.each([
  ['500', /answered 500/],
  ['429', /answered 429/],
  ['garbage', /not JSON/],
  ['empty', /list is empty/],
  ['slow', /no answer within 300 ms/],
  ['wrong-shape', /none of 25 records/],
])('%s shows in the run of whoever asks', async (mode, reason) => {
  await setFaults({ mode, delay_ms: 1_000 });
  const run = async () => {
    nextSecond();
    await p.run('Profiles/FetchUsers', {}, { API_URL: gateway.url, SOURCE_RETRY_MS: '1', SOURCE_TIMEOUT_MS: '300' });
    // the first good one after bad ones is followed by one that catches up
    const { results } = (await p.api('GET', '/api/profiles/runs/?limit=2', {}, operator)).body;
    return results.find(({ trigger }: { trigger: string }) => trigger === 'schedule');
  };
  const fetcher = p.named('Profiles/FetchUsers');
  const { timeoutSeconds } = fetcher;
  // no time to wait two seconds, as a 429 asks
  if (mode === '429') fetcher.timeoutSeconds = 13;
  expect(await run()).toMatchObject({ state: 'failed', stored: 0, error: expect.stringMatching(reason) });
  Object.assign(fetcher, { timeoutSeconds });
  if (mode === 'slow') return;
  await setFaults({ mode, until: '2020-01-01T00:00:00Z' });
  expect((await run()).state).toBe('succeeded');
});
