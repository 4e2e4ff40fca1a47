import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { contract } from '../../lambdas/kernel/contract';
import { httpApi } from '../../lambdas/kernel/http';
import { Problem } from '../../lambdas/kernel/problem';
import { proxyEvent } from '../support/gateway';

const read = {
  method: 'GET',
  summary: '',
  access: 'public',
  status: 200,
  query: z.object({ q: z.string().optional() }),
  returns: z.object({ made: z.int() }),
} as const;
const Goods = contract({
  kept: { ...read, path: '/kept/', cache: 'public, s-maxage=30' },
  other: { ...read, path: '/other/', cache: 'public, max-age=30' },
});

let made = 0;
let isAway = false;
let takes = 5;
const make = async () => {
  made++;
  await delay(takes);
  if (isAway) throw new Problem(503, 'later');
  return { made };
};
const handler = httpApi(Goods, { kept: make, other: make });
const get = async (path: string, headers = {}) => {
  const { statusCode, body } = await handler(proxyEvent({ method: 'GET', path, headers }), {} as never);
  return statusCode === 200 ? (JSON.parse(body).made as number) : statusCode;
};

beforeEach(() => {
  made = 0;
  isAway = false;
  takes = 5;
});
afterEach(() => jest.restoreAllMocks());

test('a public read that shared caches may keep is made once a second, each query by itself', async () => {
  for (let times = 0; times < 3; times++) expect(await get('/kept/?q=once')).toBe(1);
  expect([await get('/kept/?q=once'), await get('/kept/?q=other')]).toEqual([1, 2]);
  jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 1_001);
  expect(await get('/kept/?q=once')).toBe(3);
});

test('what took long to make is kept for ten times as long, and however the clock jumps not for longer', async () => {
  takes = 200;
  await get('/kept/?q=slow');
  const now = jest.spyOn(Date, 'now');
  now.mockReturnValue(Date.now() + 1_900);
  expect(await get('/kept/?q=slow')).toBe(1);
  now.mockReturnValue(Date.now() - 3_600_000);
  expect(await get('/kept/?q=slow')).toBe(2);
});

test('whoever says who they are gets it anew, and so does everybody what browsers alone may keep', async () => {
  await get('/kept/?q=known');
  const known = [{ authorization: 'Bearer x' }, { 'x-api-key': 'x' }];
  for (const headers of known) expect(await get('/kept/?q=known', headers)).toBe(made);
  expect(made).toBe(3);
  expect([await get('/other/'), await get('/other/')]).toEqual([4, 5]);
});

test('a failure is not kept', async () => {
  isAway = true;
  expect(await get('/kept/?q=away')).toBe(503);
  isAway = false;
  expect(await get('/kept/?q=away')).toBe(2);
});

test('no more than twenty are kept', async () => {
  for (let page = 0; page <= 20; page++) await get(`/kept/?q=page-${page}`);
  expect(await get('/kept/?q=page-20')).toBe(21);
  expect(await get('/kept/?q=page-0')).toBe(22);
});
