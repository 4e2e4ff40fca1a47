import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { commit } from '../kernel/commit';
import { type Handlers, Reply } from '../kernel/http';
import { newId, shardOf, shards } from '../kernel/id';
import { mergedPage } from '../kernel/page';
import { busy, type FieldError, invalid, notFound } from '../kernel/problem';
import { type Key, table } from '../kernel/table';
import { ENTITIES } from './actions';
import type { BulkContract } from './contract';
import { ask } from './own-api';
import { BulkAction, BulkRefusal, MOST, type NewBulkAction, type Piece, StoredBulkAction } from './schema';

export const bulks = table();
const KIND = 'BULKS';
const PIECE_THINGS = 50;
const SAMPLE = 10;
/** Of all ids found: they are one item of the outbox, and an item of DynamoDB has 400 KB at the most. */
const MOST_BYTES = 300_000;
/** No page of a list is asked for later than this: the last one has time to come before the caller is gone. */
const FIND_MS = 18_000;
const SHOWN_REFUSALS = 100;

export const bulkKey = (id: string): Key => ({ pk: `BULK#${id}`, sk: 'BULK' });
export const PIECE = 'PIECE#';
export const DonePiece = z.object({ refusals: z.array(BulkRefusal) });

interface Found {
  ids: string[];
  more: boolean;
}

/** The caller's own credentials: what they may not see is not found. */
const credentials = (header: (name: string) => string | undefined): Record<string, string> => {
  const authorization = header('authorization');
  return authorization ? { authorization } : { 'x-api-key': header('x-api-key') ?? '' };
};

const ListPage = z.object({ results: z.array(z.record(z.string(), z.unknown())), next: z.string().nullable() });
const Refusal = z.object({ errors: z.array(z.object({ path: z.string(), message: z.string() })).optional() });

/** Walks the entity's own list, 200 a call, as long as there is time and room. @throws Problem 422 for what that list refuses of the filter, 503 */
async function find(
  entity: string,
  filter: Record<string, string | string[]>,
  headers: Record<string, string>,
): Promise<Found> {
  const { list, id } = ENTITIES[entity] as (typeof ENTITIES)[string];
  const search = new URLSearchParams({ limit: '200' });
  for (const [name, values] of Object.entries(filter)) for (const value of [values].flat()) search.append(name, value);
  const ids: string[] = [];
  let bytes = 0;
  const until = Date.now() + FIND_MS;
  let next: string | null = `${list}?${search}`;
  while (next !== null && Date.now() < until) {
    const { status, body }: Awaited<ReturnType<typeof ask>> = await ask('GET', next, headers);
    if (status === 422) {
      const errors: FieldError[] = Refusal.parse(body).errors ?? [];
      throw invalid(errors.map(({ path, message }) => ({ path: `filter.${path}`, message })));
    }
    const { data: page } = ListPage.safeParse(body);
    if (status !== 200 || !page) throw busy(`${list} does not answer at the moment (${status})`);
    for (const found of page.results.map((one) => String(one[id]))) {
      bytes += Buffer.byteLength(found);
      if (ids.length === MOST || bytes > MOST_BYTES) return { ids, more: true };
      ids.push(found);
    }
    next = page.next;
  }
  return { ids, more: next !== null };
}

function check({ entity, action, ids, filter }: NewBulkAction): void {
  const { actions, filters } = ENTITIES[entity] as (typeof ENTITIES)[string];
  const known = Object.keys(actions);
  const errors: FieldError[] = [];
  if (!known.includes(action)) errors.push({ path: 'action', message: `expected one of ${known.join(', ')}` });
  if ((ids === undefined) === (filter === undefined)) {
    errors.push({ path: 'ids', message: 'expected either ids or a filter' });
  }
  for (const name of Object.keys(filter ?? {})) {
    if (!filters.includes(name))
      errors.push({ path: `filter.${name}`, message: `expected one of ${filters.join(', ')}` });
  }
  if (errors.length) throw invalid(errors);
}

const shown = (stored: StoredBulkAction): BulkAction =>
  BulkAction.parse({ ...stored, status: stored.pieces_done === stored.pieces ? 'finished' : 'running' });

/** The verbs of the context's HTTP face. */
export const handlers: Handlers<typeof BulkContract> = {
  /** One call of the entity's list for each 200 things; then one transaction of two items. */
  startBulkAction: async ({ body, principal, header, idempotency }) => {
    check(body);
    await idempotency?.replayIfAnswered();
    const { entity, action, dry_run } = body;
    const found: Found = body.ids
      ? { ids: [...new Set(body.ids)], more: false }
      : await find(entity, body.filter ?? {}, credentials(header));
    const at = timestamp();
    const fields = {
      ...{ entity, action, dry_run, number: found.ids.length, more: found.more, sample: found.ids.slice(0, SAMPLE) },
      ...{ done: 0, refused: 0, created_at: at, updated_at: at },
    };
    const { id: by, name } = principal;
    if (dry_run) return new Reply({ ...fields, id: null, status: 'dry_run', by: { id: by, name } }, { status: 200 });
    const id = newId();
    const count = Math.ceil(found.ids.length / PIECE_THINGS);
    const { kind, roles, scopes } = principal;
    const stored: StoredBulkAction = {
      ...fields,
      id,
      status: count ? 'running' : 'finished',
      by: { kind, id: by, name, roles: [...roles], scopes: [...scopes] },
      pieces: count,
      pieces_done: 0,
    };
    const headers = { location: `/api/ops/bulk/${id}/` };
    await commit({
      writes: [bulks.put({ ...bulkKey(id), ...stored, gsi1pk: shardOf(KIND, id), gsi1sk: id }, { exists: false })],
      emit: Array.from({ length: count }, (_, piece) => ({
        queue: 'BULK_PIECES',
        message: {
          bulk: id,
          piece,
          ids: found.ids.slice(piece * PIECE_THINGS, (piece + 1) * PIECE_THINGS),
        } satisfies Piece,
      })),
      idempotency: idempotency?.remember({ status: 202, body: shown(stored), headers }),
    });
    return new Reply(shown(stored), { headers });
  },

  listBulkActions: async (call) => {
    const sortKey = ({ id }: StoredBulkAction) => id;
    const all = { index: 'gsi1' as const, partitions: shards(KIND), sortKey };
    const { results, next } = await mergedPage(bulks, StoredBulkAction, call, all);
    return { results: results.map(shown), next };
  },

  getBulkAction: async ({ params: { id } }) => {
    const [stored, { items }] = await Promise.all([
      bulks.find(StoredBulkAction, bulkKey(id)),
      bulks.query(DonePiece, { partition: bulkKey(id).pk, prefix: PIECE, ascending: true }),
    ]);
    if (!stored) throw notFound('bulk action');
    return { ...shown(stored), refusals: items.flatMap(({ refusals }) => refusals).slice(0, SHOWN_REFUSALS) };
  },
};
