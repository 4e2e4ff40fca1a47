import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { commit } from '../kernel/commit';
import { apiKeyItem, hashApiKey, StoredApiKey } from '../kernel/credentials';
import type { Handler } from '../kernel/http';
import { newId, shardOf, shards } from '../kernel/id';
import { log } from '../kernel/log';
import { mergedPage } from '../kernel/page';
import { conflict, notFound } from '../kernel/problem';
import { table } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';
import { requireAdmin } from './administration';
import type { IdentityContract } from './contract';
import { ApiKey } from './schema';

type Verbs = typeof IdentityContract;

/** What `/api/api-keys/` keeps beside what the kernel checks. */
const Stored = StoredApiKey.extend({
  created_at: z.string(),
  created_by: z.string(),
  rolled_at: z.string().nullable(),
});
type Stored = z.output<typeof Stored>;

const apiKeys = table();
const KIND = 'API_KEYS';
const MOST_EARLIER_SECRETS = 5;

const shown = (stored: Stored) => ApiKey.parse(stored);

const newPrefix = (): string => randomBytes(24).toString('base64url').replace(/[-_]/g, '').padEnd(8, '0').slice(0, 8);
const newSecret = (prefix: string): string => `mk_${prefix}_${randomBytes(32).toString('base64url')}`;

async function getStored(prefix: string): Promise<Stored> {
  const stored = await apiKeys.find(Stored, apiKeyItem(prefix));
  if (!stored) throw notFound('API key');
  return stored;
}

export const listApiKeys: Handler<Verbs['listApiKeys']> = async (call) => {
  await requireAdmin(call.principal);
  const all = { index: 'gsi1' as const, partitions: shards(KIND), sortKey: ({ id }: Stored) => id };
  const { results, next } = await mergedPage(apiKeys, Stored, call, all);
  return { results: results.map(shown), next };
};

export const getApiKey: Handler<Verbs['getApiKey']> = async ({ params, principal }) => {
  await requireAdmin(principal);
  return shown(await getStored(params.prefix));
};

export const createApiKey: Handler<Verbs['createApiKey']> = async ({ body, principal, idempotency }) => {
  await requireAdmin(principal);
  const id = newId();
  const prefix = newPrefix();
  const key = newSecret(prefix);
  const stored: Stored = {
    id,
    prefix,
    name: body.name,
    roles: [...new Set(body.roles)],
    scopes: [...new Set(body.scopes)],
    expires_at: body.expires_at,
    hashes: [{ hash: hashApiKey(key), until: null }],
    created_at: timestamp(),
    created_by: principal.id,
    rolled_at: null,
    last_used_at: null,
  };
  const answer = { key, ...shown(stored) };
  const index = { gsi1pk: shardOf(KIND, id), gsi1sk: id };
  await commit({
    writes: [apiKeys.put({ ...apiKeyItem(prefix), ...index, ...stored }, { exists: false })],
    idempotency: idempotency?.remember({ status: 201, body: answer, headers: {} }),
  });
  log('info', 'API key made', { key: prefix, by: principal.id, roles: stored.roles, scopes: stored.scopes });
  return answer;
};

export const deleteApiKey: Handler<Verbs['deleteApiKey']> = async ({ params, principal }) => {
  await requireAdmin(principal);
  await getStored(params.prefix);
  await commit({ writes: [apiKeys.delete(apiKeyItem(params.prefix))] });
  log('info', 'API key deleted', { key: params.prefix, by: principal.id });
  return undefined;
};

/** The hashes that still count after a roll: none of them longer than the overlap, whatever an earlier roll said. */
function earlierHashes({ hashes }: Stored, at: string, end: string): Stored['hashes'] {
  return hashes
    .map(({ hash, until }) => ({ hash, until: until === null || until > end ? end : until }))
    .filter(({ until }) => until > at);
}

export const rollApiKey: Handler<Verbs['rollApiKey']> = async ({ params, body, principal, idempotency }) => {
  await requireAdmin(principal);
  return untilWritten(async () => {
    const stored = await getStored(params.prefix);
    const key = newSecret(stored.prefix);
    // credentials go by real time, as their check does
    const at = Date.now();
    const rolled_at = new Date(at).toISOString();
    const end = new Date(at + body.overlap_seconds * 1_000).toISOString();
    const earlier = earlierHashes(stored, rolled_at, end);
    if (earlier.length > MOST_EARLIER_SECRETS) {
      throw conflict('five earlier secrets still hold: wait, or end them by an overlap_seconds of 0');
    }
    const hashes = [{ hash: hashApiKey(key), until: null }, ...earlier];
    const answer = { key, ...shown({ ...stored, rolled_at }) };
    const same = { exists: true, equals: { rolled_at: stored.rolled_at } };
    await commit({
      writes: [apiKeys.update(apiKeyItem(stored.prefix), { set: { hashes, rolled_at } }, same)],
      idempotency: idempotency?.remember({ status: 200, body: answer, headers: {} }),
    });
    log('info', 'API key rolled', { key: stored.prefix, by: principal.id, earlier: earlier.length });
    return answer;
  });
};
