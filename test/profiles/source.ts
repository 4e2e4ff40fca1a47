import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type SourceAnswer = { status?: number; text: string; delayMs?: number; headers?: Record<string, string> };

/** A source of records whose next answers a test decides: a function of the path, or one answer for all. */
export async function source() {
  let answer: (path: string) => SourceAnswer | undefined = () => undefined;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const reply = answer(request.url ?? '');
    if (!reply) return request.destroy();
    const { status = 200, text, delayMs = 0, headers = {} } = reply;
    setTimeout(() => response.writeHead(status, headers).end(text), delayMs).unref();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    gives: (records: unknown) => {
      answer = () => ({ text: JSON.stringify(records) });
    },
    answers: (reply: SourceAnswer | ((path: string) => SourceAnswer | undefined)) => {
      answer = typeof reply === 'function' ? reply : () => reply;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export const aUser = (fields: Record<string, unknown> = {}) => ({
  id: 7,
  uid: randomUUID(),
  password: 'pa55word-canary',
  first_name: 'Ada',
  last_name: 'Berg',
  username: 'ada.berg',
  email: 'ada.berg@example.com',
  phone_number: '+376 471.803.1259',
  social_insurance_number: '736502319',
  date_of_birth: '1990-04-12',
  employment: { title: 'Engineer', key_skill: 'Planning' },
  credit_card: { cc_number: '4242-4242-4242-4242' },
  ...fields,
});

export const anAddress = (fields: Record<string, unknown> = {}) => ({
  id: 8,
  uid: randomUUID(),
  city: 'Lake Ada',
  street_address: '12 Mill Lane',
  country: 'Norway',
  latitude: 12.345678901234567,
  ...fields,
});

export const aCard = (fields: Record<string, unknown> = {}) => ({
  id: 9,
  uid: randomUUID(),
  credit_card_number: '1211-1221-1234-2201',
  credit_card_expiry_date: '2029-04-12',
  credit_card_type: 'visa',
  ...fields,
});

/** A text without all that is neither letter nor digit. */
export const bare = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, '');
