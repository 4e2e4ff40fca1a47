import { createHmac } from 'node:crypto';
import { UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { documents } from '../kernel/documents';
import { log } from '../kernel/log';
import { Problem } from '../kernel/problem';
import { contextKey } from '../kernel/secret';
import { type Key, table, writeOne } from '../kernel/table';
import { nameKey } from './schema';

/** Failed logins that are let through in a window of a quarter of an hour. */
const WINDOW_SECONDS = 15 * 60;
const MOST = {
  /** Of one name from one address. */
  pair: 10,
  /** Of all names from one address. */
  address: 100,
  /** Of one name from all addresses but those that its user has logged in from: a stranger cannot shut these out. */
  name: 100,
};
/** How long an address stays known after a login: as long as a refresh token. */
const KNOWN_SECONDS = 30 * 86_400;

/**
 * Who counts as one caller: an IPv4 address, or the /64 network that an IPv6 host can choose its address from.
 */
export function networkOf(address: string): string {
  const mapped = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!mapped.includes(':')) return mapped;
  const [left = [], right = []] = mapped.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}

/** Names and addresses are kept under a keyed hash: people type passwords into the wrong field. */
const digest = async (text: string): Promise<string> =>
  createHmac('sha256', await contextKey('throttle'))
    .update(text)
    .digest('base64url')
    .slice(0, 22);

const counters = table();

interface Window {
  number: number;
  /** Unix seconds. */
  end: number;
}

function currentWindow(): Window {
  const number = Math.floor(Date.now() / 1_000 / WINDOW_SECONDS);
  return { number, end: (number + 1) * WINDOW_SECONDS };
}

const counterKey = (what: string, { number }: Window): Key => ({ pk: `THROTTLE#${what}`, sk: String(number) });

/** Adds to a counter and gives what it holds then: counting before checking leaves no gap for many tries at once. */
async function count(what: string, window: Window, by: 1 | -1): Promise<number> {
  const { Update } = counters.update(counterKey(what, window), {
    add: { attempts: by },
    set: { expires_at: window.end + WINDOW_SECONDS },
  });
  const { Attributes } = await documents.send(
    new UpdateCommand({ ...(Update as UpdateCommandInput), ReturnValues: 'UPDATED_NEW' }),
  );
  return Number(Attributes?.['attempts']);
}

const Known = z.object({ expires_at: z.number() });
const knownKey = (pair: string): Key => ({ pk: `KNOWN#${pair}`, sk: 'KNOWN' });

async function isKnown(pair: string): Promise<boolean> {
  const known = await counters.find(Known, knownKey(pair));
  return known !== undefined && known.expires_at * 1_000 > Date.now();
}

export interface Attempt {
  /** Ids for the log: the same name or address has the same one. */
  ids: { name: string; address: string };
  /** Takes the attempt back, for it was no failure. Four writes. */
  succeed: () => Promise<void>;
}

/**
 * Counts an attempt to log in, to be taken back when it succeeds. Three writes; one when it is refused for the pair.
 * It is the same for names that nobody has.
 * @throws Problem 429 with the seconds until the window ends
 */
export async function beginAttempt(login: string, caller: string): Promise<Attempt> {
  const window = currentWindow();
  const [name, address] = await Promise.all([digest(nameKey(login)), digest(networkOf(caller))]);
  const pair = `${name}.${address}`;
  const refuse = (limit: keyof typeof MOST): never => {
    const seconds = Math.max(1, Math.ceil(window.end - Date.now() / 1_000));
    log('warn', 'login refused', { reason: `throttled by ${limit}`, name, address });
    throw new Problem(429, 'too many failed logins: wait, then try again', {
      kind: 'throttled',
      headers: { 'retry-after': String(seconds) },
    });
  };
  if ((await count(`PAIR#${pair}`, window, 1)) > MOST.pair) refuse('pair');
  const [ofAddress, ofName] = await Promise.all([
    count(`ADDRESS#${address}`, window, 1),
    count(`NAME#${name}`, window, 1),
  ]);
  if (ofAddress > MOST.address) refuse('address');
  if (ofName > MOST.name && !(await isKnown(pair))) refuse('name');
  return {
    ids: { name, address },
    succeed: async () => {
      const expires_at = Math.floor(Date.now() / 1_000) + KNOWN_SECONDS;
      await Promise.all([
        writeOne(counters.delete(counterKey(`PAIR#${pair}`, window))),
        count(`ADDRESS#${address}`, window, -1),
        count(`NAME#${name}`, window, -1),
        writeOne(counters.put({ ...knownKey(pair), expires_at })),
      ]);
    },
  };
}
