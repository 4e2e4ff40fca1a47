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
/** What one read of a count gives. */
const COUNT_PAGE = 200;
/** Nothing is begun later than this: what was begun has time to end before the caller is gone. */
const WORK_MS = 15_000;

type Call = Parameters<Handler<Operations['putBackDeadLetters']>>[0];

interface Piece {
  letters: DeadLetter[];
  /** Where the next one begins. */
  position?: Position | undefined;
  /** Not all of it was looked at in time. */
  isCut: boolean;
}

async function named(call: Call, ids: string[], until: number): Promise<Piece> {
  const letters: DeadLetter[] = [];
  let isCut = false;
  await inParallel(AT_ONCE, ids, async (id) => {
    isCut ||= Date.now() > until;
    if (isCut) return;
    const letter = await findAtDesk(call, id).catch(passing404);
    if (letter?.can_put_back) letters.push(letter);
  });
  return { letters, isCut };
}

function passing404(error: unknown): undefined {
  if (error instanceof Problem && error.status === 404) return undefined;
  throw error;
}

async function count(call: Call, until: number): Promise<{ concerned: number; exact: boolean }> {
  const { filter } = call.body;
  if (filter.ids) {
    const { letters, isCut } = await named(call, filter.ids, until);
    return { concerned: letters.length, exact: !isCut };
  }
  let concerned = 0;
  let from: Position | undefined;
  do {
    const { results, position } = await walk(call, filter, { from, limit: COUNT_PAGE, until });
    concerned += results.filter(({ can_put_back }) => can_put_back).length;
    from = position;
  } while (from && Date.now() < until);
  return { concerned, exact: !from };
}

async function piece(call: Call, from: Position | undefined, until: number): Promise<Piece> {
  const { filter, limit } = call.body;
  if (filter.ids) return named(call, filter.ids, until);
  const { results, position } = await walk(call, filter, { from, limit, until });
  return { letters: results.filter(({ can_put_back }) => can_put_back), position, isCut: false };
}

/** A cursor is of this very filter. */
const listOf = ({ body }: Call): string => `put-back ${JSON.stringify(body.filter)}`;

/**
 * By filter or by their ids. A piece that is interrupted, or for which time is up, is repeated from its beginning: what went
 * back before is not found again.
 */
export const putBackDeadLetters: Handler<Operations['putBackDeadLetters']> = async (call) => {
  const { dry_run, cursor } = call.body;
  const until = Date.now() + WORK_MS;
  if (dry_run) return { dry_run, ...(await count(call, until)), put_back: 0, refused: [], cursor: null };
  const from = cursor == null ? undefined : ((await openCursor(listOf(call), cursor)) as Position);
  const { letters, position, isCut } = await piece(call, from, until);
  const refused: { id: string; reason: string }[] = [];
  let left = 0;
  await inParallel(AT_ONCE, letters, async ({ id }) => {
    if (Date.now() > until) return void left++;
    await putBack(call, id, call.principal).catch((error: unknown) => {
      if (!(error instanceof Problem)) throw error;
      refused.push({ id, reason: error.errors?.[0]?.message ?? error.detail });
    });
  });
  const next = isCut || left ? (from ?? { kind: 0 }) : position;
  const concerned = letters.length - left;
  return {
    dry_run,
    concerned,
    exact: true,
    put_back: concerned - refused.length,
    refused,
    cursor: next ? await sealCursor(listOf(call), next) : null,
  };
};
