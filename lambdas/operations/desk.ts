import { Problem } from '../kernel/problem';
import { queryLetters, shownLetter } from './letters';
import type { Asker } from './own-api';
import { type DeadLetter, LETTER_KINDS } from './schema';
import { FOREIGN, listForeign } from './set-aside';

export interface LetterFilter {
  lane?: string | undefined;
  context?: string | undefined;
  /** A part of the reason, in any case. */
  reason?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Where a walk over the desk goes on: within the kind of this number, after what its cursor says. */
export interface Position {
  kind: number;
  after?: unknown;
}

/** Reads of one page of the desk at the most: a filter may drop much of what is read. */
const READS_A_PAGE = 8;
/** None is begun later than this: each may ask another context, for seconds when that is slow. */
const PAGE_MS = 18_000;
/** Nor once it holds so much: what one read gives beside that still goes into an answer. */
const PAGE_BYTES = 1_000_000;

const isWanted = ({ lane, context, reason = '', from, to }: LetterFilter) => {
  const part = reason.toLowerCase();
  return (letter: DeadLetter): boolean =>
    (lane === undefined || letter.lane === lane) &&
    (context === undefined || letter.context === context) &&
    letter.reason.toLowerCase().includes(part) &&
    (from === undefined || letter.since >= from) &&
    (to === undefined || letter.since <= to);
};

/** Whether a kind can have any of what is wanted: what cannot is not asked for. */
function mayHave(kind: (typeof LETTER_KINDS)[number], { lane, context }: LetterFilter): boolean {
  if (kind === 'message') return lane === undefined || !Object.values(FOREIGN).some((one) => one.lane === lane);
  const own = FOREIGN[kind];
  return (lane === undefined || lane === own.lane) && (context === undefined || context === own.context);
}

interface Read {
  results: DeadLetter[];
  after: unknown;
}

async function readKind(asker: Asker, { kind, after }: Position, filter: LetterFilter, limit: number): Promise<Read> {
  const name = LETTER_KINDS[kind] ?? 'message';
  if (name !== 'message') {
    const { results, cursor } = await listForeign(asker, name, limit, after as string | undefined);
    return { results, after: cursor };
  }
  const { items, lastKey } = await queryLetters(filter.lane, limit, after as Record<string, unknown> | undefined);
  return { results: items.map(shownLetter), after: lastKey };
}

const isPassing = (error: unknown): boolean => error instanceof Problem && error.status === 503;

/**
 * Some of the open dead letters, kind after kind, each newest first, and where to go on: at a context that does not answer,
 * when something was found before it. What is put back or thrown away meanwhile makes nothing else be left out.
 * @throws Problem 503 when nothing can be read at the moment
 */
export async function walk(
  asker: Asker,
  filter: LetterFilter,
  { from, limit, until = Date.now() + PAGE_MS }: { from: Position | undefined; limit: number; until?: number },
): Promise<{ results: DeadLetter[]; position: Position | undefined }> {
  const results: DeadLetter[] = [];
  let position: Position | undefined = from ?? { kind: 0 };
  let bytes = 0;
  const isFull = () => results.length >= limit || bytes > PAGE_BYTES;
  for (let reads = 0; position && !isFull() && reads < READS_A_PAGE && Date.now() < until; ) {
    const kind: (typeof LETTER_KINDS)[number] | undefined = LETTER_KINDS[position.kind];
    if (!kind) position = undefined;
    else if (!mayHave(kind, filter)) position = { kind: position.kind + 1 };
    else {
      const part: Read | undefined = await readKind(asker, position, filter, limit - results.length).catch(
        (error: unknown) => {
          if (results.length && isPassing(error)) return undefined;
          throw error;
        },
      );
      if (!part) break;
      reads++;
      const wanted = part.results.filter(isWanted(filter));
      results.push(...wanted);
      bytes += Buffer.byteLength(JSON.stringify(wanted));
      position = part.after === undefined ? { kind: position.kind + 1 } : { kind: position.kind, after: part.after };
    }
  }
  // there is no page after the last kind
  return { results, position: position && position.kind < LETTER_KINDS.length ? position : undefined };
}
