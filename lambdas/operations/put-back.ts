import { openCursor, sealCursor } from '../kernel/cursor';
import type { Handler } from '../kernel/http';
import { inParallel } from '../kernel/parallel';
import { Problem } from '../kernel/problem';
import type { Operations } from './contract';
import { findAtDesk, putBack } from './dead-letters';
import { type Position, walk } from './desk';
import type { DeadLetter } from './schema';

/** Letters put back at once. */
const AT_ONCE = 5;
/** What one read of a count gives, and for how long it counts: within the time that a caller waits. */
const COUNT_PAGE = 200;
const COUNT_MS = 15_000;

type Call = Parameters<Handler<Operations['putBackDeadLetters']>>[0];

async function named(call: Call, ids: string[]): Promise<DeadLetter[]> {
  const found: DeadLetter[] = [];
  await inParallel(AT_ONCE, ids, async (id) => {
    const letter = await findAtDesk(call, id).catch(passing404);
    if (letter?.can_put_back) found.push(letter);
  });
  return found;
}

function passing404(error: unknown): undefined {
  if (error instanceof Problem && error.status === 404) return undefined;
  throw error;
}

async function count(call: Call): Promise<{ concerned: number; exact: boolean }> {
  const { filter } = call.body;
  if (filter.ids) return { concerned: (await named(call, filter.ids)).length, exact: true };
  const until = Date.now() + COUNT_MS;
  let concerned = 0;
  let from: Position | undefined;
  do {
    const { results, position } = await walk(call, filter, { from, limit: COUNT_PAGE });
    concerned += results.filter(({ can_put_back }) => can_put_back).length;
    from = position;
  } while (from && Date.now() < until);
  return { concerned, exact: !from };
}

/** The next piece, and where the one after it begins. */
async function piece(call: Call): Promise<{ letters: DeadLetter[]; position: Position | undefined }> {
  const { filter, limit, cursor } = call.body;
  if (filter.ids) return { letters: await named(call, filter.ids), position: undefined };
  const from = cursor == null ? undefined : ((await openCursor(listOf(call), cursor)) as Position);
  const { results, position } = await walk(call, filter, { from, limit });
  return { letters: results.filter(({ can_put_back }) => can_put_back), position };
}

/** A cursor is of this very filter. */
const listOf = ({ body }: Call): string => `put-back ${JSON.stringify(body.filter)}`;

/**
 * By filter or by their ids. A piece that is interrupted can be repeated from its beginning: what went back before is not
 * found again.
 */
export const putBackDeadLetters: Handler<Operations['putBackDeadLetters']> = async (call) => {
  const { dry_run } = call.body;
  if (dry_run) return { dry_run, ...(await count(call)), put_back: 0, refused: [], cursor: null };
  const { letters, position } = await piece(call);
  const refused: { id: string; reason: string }[] = [];
  await inParallel(AT_ONCE, letters, async ({ id }) => {
    await putBack(call, id, call.principal).catch((error: unknown) => {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      refused.push({ id, reason: error.errors?.[0]?.message ?? error.detail });
    });
  });
  return {
    dry_run,
    concerned: letters.length,
    exact: true,
    put_back: letters.length - refused.length,
    refused,
    cursor: position ? await sealCursor(listOf(call), position) : null,
  };
};
