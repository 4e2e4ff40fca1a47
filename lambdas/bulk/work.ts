import * as z from 'zod';
import { type Receipt, TryLater } from '../kernel/batch';
import { timestamp } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import { delegate } from '../kernel/delegation';
import { log } from '../kernel/log';
import { inParallel } from '../kernel/parallel';
import { ENTITIES } from './actions';
import { bulkKey, bulks, DonePiece, PIECE } from './bulk';
import { type Answer, ask } from './own-api';
import { BulkRefusal, type Piece, StoredBulkAction } from './schema';

/** Calls of the API at once. */
const AT_ONCE = 4;
const PAUSE_SECONDS = 10;
/** No thing is begun later than this: the last ones have time to end before the function does. */
const WORK_MS = 45_000;

const Problem = z.object({ title: z.string().optional(), detail: z.string().optional() });

/** Nothing was said about the thing itself: it may go well the next time. */
const isPassing = (status: number): boolean => status === 0 || status === 429 || status >= 500;

const keyOf = (bulk: string, kind: string, piece: number) => ({
  pk: bulkKey(bulk).pk,
  sk: `${kind}${String(piece).padStart(4, '0')}`,
});

/** What has become of things of a piece that is not done yet: they are not asked for again. */
const PROGRESS = 'PROGRESS#';
const Progress = z.object({ finished: z.array(z.string()).default([]), refusals: z.array(BulkRefusal).default([]) });

function reasonOf({ body }: Answer): string {
  const { title, detail } = Problem.safeParse(body).data ?? {};
  return (detail ?? title ?? 'no answer').slice(0, 200);
}

/**
 * Does a bulk action to some things, each by its own operation in the name of whoever asked, as many as there is time for.
 * Safe to run twice: counted once by its fixed key, what has an answer is noted at once and not asked for again. A call and
 * a write of one small item for each thing.
 * @throws TryLater when a context could not answer about some of them, or time was up; the last time they count as refused
 */
export async function workOn({ bulk, piece, ids }: Piece, { last }: Receipt): Promise<void> {
  const [job, counted, progress] = await Promise.all([
    bulks.find(StoredBulkAction, bulkKey(bulk)),
    bulks.find(DonePiece, keyOf(bulk, PIECE, piece)),
    bulks.find(Progress, keyOf(bulk, PROGRESS, piece)),
  ]);
  const action = job && ENTITIES[job.entity]?.actions[job.action];
  if (!action || counted) return;
  const { method, path, body } = action;
  const authorization = `Delegation ${await delegate(job.by, bulk)}`;
  const { finished, refusals } = progress ?? Progress.parse({});
  const known = new Set([...finished, ...refusals.map(({ id }) => id)]);
  const note = (append: Partial<z.output<typeof Progress>>) =>
    commit({ writes: [bulks.update(keyOf(bulk, PROGRESS, piece), { append })] });
  const open: BulkRefusal[] = [];
  const until = Date.now() + WORK_MS;
  const one = async (id: string): Promise<void> => {
    if (Date.now() > until) return void open.push({ id, reason: 'there was no time left for it' });
    const headers = { authorization, 'idempotency-key': `${bulk}:${encodeURIComponent(id)}` };
    const answer = await ask(method, path.replace('{id}', encodeURIComponent(id)), headers, body);
    if (answer.status >= 200 && answer.status < 300) return note({ finished: [id] });
    const refusal = { id, reason: reasonOf(answer) };
    if (isPassing(answer.status)) return void open.push(refusal);
    refusals.push(refusal);
    return note({ refusals: [refusal] });
  };
  await inParallel(
    AT_ONCE,
    ids.filter((id) => !known.has(id)),
    one,
  );
  if (open.length && !last) throw new TryLater(`${open.length} things are still to be done`, PAUSE_SECONDS);
  const all = [...refusals, ...open];
  const counts = { done: ids.length - all.length, refused: all.length, pieces_done: 1 };
  const isFirst = await commitIf({
    writes: [
      bulks.put({ ...keyOf(bulk, PIECE, piece), refusals: all }, { exists: false }),
      bulks.update(bulkKey(bulk), { add: counts, set: { updated_at: timestamp() } }, { exists: true }),
      bulks.delete(keyOf(bulk, PROGRESS, piece)),
    ],
  });
  if (isFirst) log('info', 'piece of a bulk action', { bulk_id: bulk, piece, ...counts });
}
