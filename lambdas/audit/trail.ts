import * as z from 'zod';
import type { Principal } from '../kernel/contract';
import type { Handlers } from '../kernel/http';
import { shardOf, shards } from '../kernel/id';
import { type ListCall, type MergedRange, mergedPage } from '../kernel/page';
import { invalid, notFound } from '../kernel/problem';
import { type Key, table } from '../kernel/table';
import type { AuditContract } from './contract';
import { AuditEntry, type AuditQuery } from './schema';

const entries = table('AUDIT_TABLE');

/** What the indexes have of an entry. */
const EntryKey = z.object({
  pk: z.string(),
  sk: z.string(),
  who_id: z.string(),
  entity: z.string(),
  context: z.string(),
});
type EntryKey = z.output<typeof EntryKey>;

/** The smallest id of version 7 that is made at a time (RFC 9562, 5.7), or of those after it. */
function idFrom(time: string, milliseconds = 0): string {
  const hex = (Date.parse(time) + milliseconds).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

const MOST_KEYS = 100;

/** Whole entries for their keys, in the order of those. */
async function read(of: Key[]): Promise<AuditEntry[]> {
  const keys = of.map(({ pk, sk }) => ({ pk, sk }));
  const found = new Map<string, AuditEntry>();
  for (let start = 0; start < keys.length; start += MOST_KEYS) {
    const part = await entries.findMany(AuditEntry, keys.slice(start, start + MOST_KEYS));
    for (const entry of part) found.set(entry.id, entry);
  }
  return keys.flatMap(({ sk }) => found.get(sk) ?? []);
}

type From = Pick<MergedRange, 'partitions' | 'index'>;

/** The partitions that have least beside what is asked for. @throws Problem 422 */
function narrowest({ who, entity, entity_id, context }: AuditQuery): From {
  if (entity_id !== undefined) {
    if (entity === undefined) throw invalid([{ path: 'entity_id', message: 'expected together with entity' }]);
    return { partitions: [`${entity}#${entity_id}`] };
  }
  if (who !== undefined) return { index: 'gsi2', partitions: [who] };
  if (entity !== undefined) return { index: 'gsi3', partitions: shards(entity) };
  if (context !== undefined) return { index: 'gsi4', partitions: shards(context) };
  return { index: 'gsi1', partitions: shards('AUDIT') };
}

/** Users, roles and keys are for admins to see, and so are their changes. */
const maySee = ({ roles }: Principal, { context }: { context: string }): boolean =>
  context !== 'identity' || roles.includes('admin');

/** The verbs of the context's HTTP face. */
export const handlers: Handlers<typeof AuditContract> = {
  /** Reads keys of one index, then the entries: the index decides the order, further filters may leave pages short. */
  listAuditEntries: async (call) => {
    const { who, entity, context, from, to } = call.query;
    const isAsked = (one: EntryKey): boolean =>
      maySee(call.principal, one) &&
      (who ?? one.who_id) === one.who_id &&
      (entity ?? one.entity) === one.entity &&
      (context ?? one.context) === one.context;
    const { results, next } = await mergedPage(entries, EntryKey, call as ListCall, {
      ...narrowest(call.query),
      ...(from !== undefined && { from: idFrom(from) }),
      ...(to !== undefined && { to: idFrom(to, 1) }),
      sortKey: ({ sk }) => sk,
      keeps: isAsked,
    });
    return { results: await read(results), next };
  },

  getAuditEntry: async ({ params: { id }, principal }) => {
    const { items } = await entries.query(EntryKey, {
      index: 'gsi1',
      partition: shardOf('AUDIT', id),
      from: id,
      to: id,
    });
    const [entry] = await read(items);
    if (!entry || !maySee(principal, entry)) throw notFound('audit entry');
    return entry;
  },
};
