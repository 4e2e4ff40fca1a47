import type { APIGatewayProxyResult } from 'aws-lambda';
import { proxyEvent } from '../support/gateway';
import { type Platform, platform } from '../support/platform';

let p: Platform;
beforeAll(async () => {
  p = await platform('mailings');
});
afterAll(() => p.close());

async function call(method: string, path: string, body?: unknown, authorization = 'Bearer any') {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', authorization };
  const event = proxyEvent({ method, path: `/sandbox/send/v1${path}`, headers, ...(text && { body: text }) });
  const { statusCode, body: answer } = await p.run<APIGatewayProxyResult>('Sandbox/Send', event);
  return { status: statusCode, body: JSON.parse(answer) };
}
const message = { id: 7, phone: 79_001_234_567, text: 'Please remember this' };

test('it takes a message by its id, once however often, and tells what it took', async () => {
  expect((await call('GET', '/sent/7')).status).toBe(404);
  for (let times = 0; times < 2; times++) {
    expect(await call('POST', '/send/7', message)).toEqual({ status: 200, body: { code: 0, message: 'OK' } });
  }
  expect((await call('GET', '/sent/7')).body).toMatchObject({ times: 2, text: message.text });
  // what nobody wants to see again costs no write
  await call('POST', '/send/8', { ...message, id: '8', text: 'hello' });
  expect((await call('GET', '/sent/8')).status).toBe(404);
});

test.each([
  ['no token', 'POST', '/send/7', message, '', 401],
  ['another id than in its path', 'POST', '/send/8', message, 'Bearer x', 400],
  ['a field less', 'POST', '/send/7', { id: 7, text: 'x' }, 'Bearer x', 400],
  ['no JSON', 'POST', '/send/7', '{', 'Bearer x', 400],
  ['a number that is nobody’s', 'POST', '/send/7', { ...message, phone: '79001230000' }, 'Bearer x', 400],
  ['another path', 'POST', '/other/7', message, 'Bearer x', 404],
  ['another method', 'GET', '/send/7', undefined, 'Bearer x', 404],
])('it refuses %s', async (_, method, path, body, token, status) => {
  const answer = await call(method, path, body, token);
  expect(answer).toMatchObject({ status, body: { code: status } });
});
