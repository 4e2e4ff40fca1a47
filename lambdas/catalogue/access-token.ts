import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { CompactEncrypt, compactDecrypt } from 'jose';
import * as z from 'zod';
import { commitIf } from '../kernel/commit';
import { log } from '../kernel/log';
import { contextKey } from '../kernel/secret';
import { type Key, table } from '../kernel/table';

const tokens = table();
const KEY: Key = { pk: 'OFFERS_TOKEN', sk: 'OFFERS_TOKEN' };

/** The one item that all functions share. Times are the machine's: a credential does not follow a moved clock. */
const SharedToken = z.object({
  /** Sealed with a key of this context: who reads the table learns nothing. */
  sealed: z.string().optional(),
  expires_at: z.number().default(0),
  /** Who renews it, until when nobody else tries. */
  owner: z.string().optional(),
  lease_until: z.number().default(0),
  /** Until when no renewal is tried, for the service refused the last one. */
  refused_until: z.number().default(0),
});

export interface AccessToken {
  value: string;
  /** Unix milliseconds. */
  expiresAt: number;
}

/** What came of a renewal: a token, or the service's word that the one before it is still valid. */
export type Renewal = AccessToken | 'too early';

/** There is no token to be had now. */
export class TokenUnavailable extends Error {
  override readonly name = 'TokenUnavailable';
}

/** Longer than a renewal takes, which ends after five seconds one way or the other. */
const LEASE_MS = 8_000;
/** How long the others wait for the one that renews. */
const WAIT_MS = 9_000;
const POLL_MS = 150;
/** Between renewals that the service refuses. */
const REFUSED_PAUSE_MS = 5_000;
/** The same just after a token expired: the service's time may be over a moment later than ours. */
const JUST_EXPIRED_MS = 3_000;
const SHORT_PAUSE_MS = 300;

const sealingKey = () => contextKey('offers-token');

const seal = async (token: string): Promise<string> =>
  new CompactEncrypt(Buffer.from(token)).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(await sealingKey());

/** Undefined for one that was sealed with another key: it is as good as none. */
async function open(sealed: string): Promise<string | undefined> {
  const key = await sealingKey();
  return compactDecrypt(sealed, key).then(
    ({ plaintext }) => Buffer.from(plaintext).toString(),
    () => undefined,
  );
}

let known: AccessToken | undefined;
/** The look for a token that is under way in this function. */
let looking: Promise<string> | undefined;

async function read(refused: string | undefined) {
  const shared = SharedToken.parse((await tokens.find(SharedToken, KEY)) ?? {});
  if (!shared.sealed || shared.expires_at <= Date.now()) return { shared, token: undefined };
  const value = await open(shared.sealed);
  const isGood = value !== undefined && value !== refused;
  return { shared, token: isGood ? { value, expiresAt: shared.expires_at } : undefined };
}

async function store(token: AccessToken): Promise<void> {
  const set = {
    sealed: await seal(token.value),
    expires_at: token.expiresAt,
    owner: undefined,
    lease_until: 0,
    refused_until: 0,
  };
  // not bound to the lease: a token that arrives late is still the only one that there is
  await commitIf({ writes: [tokens.update(KEY, { set }, { below: { expires_at: token.expiresAt } })] });
}

/**
 * The access token that all functions share. Costs nothing while the one in memory is valid, else a read; when it has
 * expired, the function that gets the lease (a conditional write) renews it, the others read again until it is there.
 *
 * The service issues no second token before the first expires. So if a function dies between the service's answer and our
 * write, that token is lost to us, and until it expires, five minutes at the most, there is none: callers get
 * `TokenUnavailable`, nothing that is stored changes, and one renewal is tried every five seconds.
 *
 * @param refused a token that the service does not take (any more): if it is still the shared one, a renewal is tried,
 * and when the service refuses that too, the token stays and is given again
 * @throws TokenUnavailable
 */
export async function accessToken(renew: () => Promise<Renewal>, refused?: string): Promise<string> {
  if (known && known.expiresAt > Date.now() && known.value !== refused) return known.value;
  if (refused !== undefined) return look(renew, refused);
  // twenty requests that begin at once read the item once
  looking ??= look(renew, undefined).finally(() => {
    looking = undefined;
  });
  return looking;
}

async function look(renew: () => Promise<Renewal>, refused: string | undefined): Promise<string> {
  for (const until = Date.now() + WAIT_MS; Date.now() < until; await pause(POLL_MS)) {
    const { shared, token } = await read(refused);
    if (token) {
      known = token;
      return token.value;
    }
    const at = Date.now();
    const stillShared = refused !== undefined && shared.expires_at > at;
    if (shared.refused_until > at) {
      if (stillShared) return refused;
      if (shared.refused_until - at <= SHORT_PAUSE_MS) continue;
      throw new TokenUnavailable('the offers service gives no new access token before the last one expires');
    }
    if (shared.lease_until > at) continue;
    const owner = randomUUID();
    const lease = { set: { owner, lease_until: at + LEASE_MS } };
    // the token must be the one that was read: somebody may have renewed it since
    const unchanged = { below: { lease_until: at }, equals: { sealed: shared.sealed } };
    if (!(await commitIf({ writes: [tokens.update(KEY, lease, unchanged)] }))) continue;
    const justExpired = at - shared.expires_at < JUST_EXPIRED_MS;
    const renewed = await renewAs(owner, renew, !stillShared && justExpired ? SHORT_PAUSE_MS : REFUSED_PAUSE_MS);
    if (renewed !== 'too early') return renewed;
    if (stillShared) return refused;
  }
  throw new TokenUnavailable('the access token of the offers service is being renewed for too long');
}

async function renewAs(owner: string, renew: () => Promise<Renewal>, pauseMs: number): Promise<string | 'too early'> {
  const release = (refused_until: number) =>
    commitIf({
      writes: [tokens.update(KEY, { set: { owner: undefined, lease_until: 0, refused_until } }, { equals: { owner } })],
    });
  let renewed: Renewal;
  try {
    renewed = await renew();
  } catch (error) {
    await release(Date.now() + REFUSED_PAUSE_MS);
    throw new TokenUnavailable(`the offers service gives no access token: ${(error as Error).message}`);
  }
  if (renewed === 'too early') {
    log('warn', 'no new access token before the last one expires');
    await release(Date.now() + pauseMs);
    return renewed;
  }
  await store(renewed);
  known = renewed;
  return renewed.value;
}
