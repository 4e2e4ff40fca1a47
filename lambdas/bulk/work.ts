import * as z from 'zod';
import { type Receipt, TryLater } from '../kernel/batch';
import { timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import { delegate } from '../kernel/delegation';
import { log } from '../kernel/log';
import { inParallel } from '../kernel/parallel';
import { ENTITIES } from './actions';
import { bulkKey, bulks, DonePiece, PIECE } from './bulk';
import { ask } from './own-api';
import { type BulkRefusal, type Piece, StoredBulkAction } from './schema';

/** Calls of the API at once. */
const AT_ONCE = 4;
const PAUSE_SECONDS = 10;

const Problem = z.object({ title: z.string().optional(), detail: z.string().optional() });

/** Nothing was said about the thing itself: it may go well the next time. */
const isPassing = (status: number): boolean => status === 0 || status === 429 || status >= 500;

const pieceKey = (bulk: string, piece: number) => ({
  pk: bulkKey(bulk).pk,
  sk: `${PIECE}${String(piece).padStart(4, '0')}`,
});

/**
 * Does a bulk action to some things, each by its own operation in the name of whoever asked. Safe to run twice: counted
 * once by its fixed key, and each call carries the same `Idempotency-Key` again.
 * @throws TryLater when a context could not answer about some of them; the last time they count as refused
 */
export async function workOn({ bulk, piece, ids }: Piece, { last }: Receipt): Promise<void> {
  const [job, done] = await Promise.all([
    bulks.find(StoredBulkAction, bulkKey(bulk)),
    bulks.find(DonePiece, pieceKey(bulk, piece)),
  ]);
  const action = job && ENTITIES[job.entity]?.actions[job.action];
  if (!action || done) return;
  const { method, path, body } = action;
  const authorization = `Delegation ${await delegate(job.by, bulk)}`;
  const refusals: BulkRefusal[] = [];
  let passing = 0;
  await inParallel(AT_ONCE, ids, async (id) => {
    const headers = { authorization, 'idempotency-key': `${bulk}:${encodeURIComponent(id)}` };
    const answer = await ask(method, path.replace('{id}', encodeURIComponent(id)), headers, body);
    if (answer.status >= 200 && answer.status < 300) return;
    if (isPassing(answer.status)) passing++;
    const { title, detail } = Problem.safeParse(answer.body).data ?? {};
    refusals.push({ id, reason: (detail ?? title ?? 'no answer').slice(0, 200) });
  });
  if (passing && !last) throw new TryLater(`${passing} things could not be asked for`, PAUSE_SECONDS);
  const counts = { done: ids.length - refusals.length, refused: refusals.length, pieces_done: 1 };
  const counted = await commitIf({
    writes: [
      bulks.put({ ...pieceKey(bulk, piece), refusals }, { exists: false }),
      bulks.update(bulkKey(bulk), { add: counts, set: { updated_at: timestamp() } }, { exists: true }),
    ],
  });
  if (counted) log('info', 'piece of a bulk action', { bulk_id: bulk, piece, ...counts });
}
