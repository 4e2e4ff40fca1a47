import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { documents } from '../../lambdas/kernel/documents';
import { proxyEvent } from '../support/gateway';
import { type Answer, type ApiRequest, type Platform, platform } from '../support/platform';

export const PASSWORD = 'correct horse battery';

let counted = 0;
/** A name nobody has, and an address nobody called from. */
export const freshName = (): string => `user-${process.pid}-${++counted}`;
export const freshAddress = (): string => `10.${(counted >> 16) & 255}.${(counted >> 8) & 255}.${counted++ & 255}`;

export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
export const apiKey = (key: string) => ({ headers: { 'x-api-key': key } });

/** Calls of the identity API as its users make them; each from an address of its own unless one is given. */
export function people({ api, named }: Platform) {
  const post = (path: string, body: unknown, more: ApiRequest = {}): Promise<Answer> =>
    api('POST', path, { address: freshAddress(), ...more, body });

  return {
    post,
    register: async (fields: Record<string, unknown> = {}) => {
      const answer = await post('/api/auth/registration/', { username: freshName(), password: PASSWORD, ...fields });
      expect(answer.status).toBe(201);
      return answer.body;
    },
    logIn: (username: string, password = PASSWORD, address = freshAddress()): Promise<Answer> =>
      post('/api/auth/login/', { username, password }, { address }),
    refresh: (refresh: string): Promise<Answer> => post('/api/auth/refresh/', { refresh }),
    me: (token: string): Promise<Answer> => api('GET', '/api/auth/me/', {}, bearer(token)),

    /** All that is stored, to look for what should not be. */
    stored: async (): Promise<Record<string, unknown>[]> => {
      const TableName = named('Identity/Api').environment['TABLE_NAME'];
      const { Items = [] } = await documents.send(new ScanCommand({ TableName }));
      return Items;
    },
  };
}

/** The identity API on tables of its own, and its users. */
export async function openIdentity() {
  const on = await platform('identity');
  return { on, who: people(on) };
}
export type Identity = Awaited<ReturnType<typeof openIdentity>>;

type Handler = (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult>;

/** Calls of a function instance of its own, with nothing in memory; its settings are those of this process. */
export async function newInstance() {
  let handler: Handler | undefined;
  await jest.isolateModulesAsync(async () => {
    ({ handler } = (await import('../../lambdas/identity/api.lambda')) as unknown as { handler: Handler });
  });
  return async (method: string, path: string, body?: unknown, headers = {}) => {
    const request = { method, path, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const reply = await handler?.(proxyEvent(request), {} as Context);
    return { status: reply?.statusCode, body: JSON.parse(reply?.body || '{}') };
  };
}

/** The lines that functions log while `during` runs. */
export async function linesOf(during: () => Promise<unknown>): Promise<{ text: string; message: string }[]> {
  const lines: string[] = [];
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  try {
    await during();
  } finally {
    write.mockRestore();
  }
  return lines.filter((text) => text.startsWith('{')).map((text) => ({ ...JSON.parse(text), text }));
}

afterEach(() => {
  jest.useRealTimers();
});

/** Stops the calendar for the rest of a test, so that it can be moved; timers go on. */
export function stopCalendar(): { move: (seconds: number) => void } {
  jest.useFakeTimers({
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
  return { move: (seconds) => jest.setSystemTime(Date.now() + seconds * 1_000) };
}
