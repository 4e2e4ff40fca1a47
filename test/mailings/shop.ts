import { randomInt } from 'node:crypto';
import { commit } from '../../lambdas/kernel/commit';
import { clientWrites, newClient } from '../../lambdas/mailings/clients';
import { findMailing } from '../../lambdas/mailings/mailings';
import type { NewClient } from '../../lambdas/mailings/schema';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { type SendService, sendService } from './send-service';

export const MINUTES = 60_000;
export const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

const timeOf = (minutes: number): string => inMs(minutes * MINUTES).slice(11, 16);

/**
 * A window that is open in UTC for an hour from now; two hours behind UTC it opens in an hour and a half, six hours ahead
 * of it not within five hours.
 */
export const openInUtc = () => ({ from: timeOf(-30), to: timeOf(60) });

export interface Shop {
  p: Platform;
  service: SendService;
  operator: Caller;
  api: (method: string, path: string, body?: unknown) => ReturnType<Platform['api']>;
  /** Asks the API to add a client. */
  add: (fields: object) => ReturnType<Platform['api']>;
  /** Stores clients with distinct phone numbers, past the API. */
  fill: (count: number, fields: (index: number) => Partial<NewClient>) => Promise<string[]>;
  mail: (fields: object) => Promise<string>;
  counts: (mailing: string) => Promise<Record<string, number>>;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of a message it asserts itself
  messages: (mailing: string, query?: string) => Promise<any[]>;
  /** Lets time pass until whatever waits for a retry, a lease or a dead driver is due. */
  pass: (seconds: number) => Promise<void>;
  /** Gives the run's function a message, as its queue does. */
  drive: (mailing: string, step?: number, receiveCount?: number) => Promise<{ batchItemFailures: unknown[] }>;
  /** @returns what sets it back */
  setRate: (perSecond: number) => () => void;
  /** Works on the queues until the mailing is finished. */
  finish: (mailing: string) => Promise<Record<string, number>>;
  close: () => Promise<void>;
}

let phones = randomInt(1_000_000, 9_000_000) * 1_000;

/** A private stack with a send service of its own. */
export async function openShop(): Promise<Shop> {
  const service = await sendService();
  process.env['SEND_API_URL'] = service.url;
  const p = await platform('mailings');
  process.env['TABLE_NAME'] = p.named('Mailings/Api').environment['TABLE_NAME'];
  const operator = await p.callers.user('operator');
  const api: Shop['api'] = (method, path, body) => p.api(method, path, body === undefined ? {} : { body }, operator);
  const counts = async (mailing: string) => (await api('GET', `/api/mailings/${mailing}/stats/`)).body;
  return {
    p,
    service,
    operator,
    api,
    counts,
    add: (fields) => api('POST', '/api/clients/', fields),
    fill: async (count, fields) => {
      const all = Array.from({ length: count }, (_, index) => {
        phones += 1;
        const phone_number = `7900${String(phones).slice(-7).padStart(7, '0')}`;
        return newClient({ phone_number, tag: null, timezone: 'UTC', ...fields(index) }, 'test');
      });
      for (let start = 0; start < all.length; start += 50) {
        const part = all.slice(start, start + 50);
        await commit({ writes: part.flatMap((client) => clientWrites(undefined, client)) });
      }
      return all.map(({ id }) => id);
    },
    mail: async (fields) => {
      const { status, body } = await api('POST', '/api/mailings/', {
        text: 'hello',
        start_at: inMs(-1_000),
        end_at: inMs(30 * MINUTES),
        ...fields,
      });
      if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
      return body.id;
    },
    messages: async (mailing, query = '') =>
      (await api('GET', `/api/mailings/${mailing}/messages/?limit=200${query}`)).body.results,
    pass: async (seconds) => {
      await p.moveClock(seconds);
      await p.run('Mailings/Minute', {});
      await p.run('Timer/Tick', {});
    },
    drive: (mailing, step, receiveCount = 1) => {
      const body = JSON.stringify({ mailing, version: 1, step });
      const attributes = { ApproximateReceiveCount: String(receiveCount) };
      return p.run('Mailings/Run/Function', {
        Records: [{ messageId: 'one', receiptHandle: 'one', body, attributes }],
      });
    },
    setRate: (perSecond) => {
      const parts = ['Run/Function', 'Send/Function', 'Api'].map((one) => p.named(`Mailings/${one}`).environment);
      const set = (rate: number) => {
        for (const environment of parts) environment['SEND_RATE_PER_SECOND'] = String(rate);
      };
      set(perSecond);
      return () => set(500);
    },
    finish: async (mailing) => {
      // past the API: this is asked very often
      const isFinished = async () => (await findMailing(mailing))?.status === 'finished';
      await p.settle(isFinished, 4 * MINUTES);
      return counts(mailing);
    },
    close: async () => {
      service.close();
      await p.close();
    },
  };
}
