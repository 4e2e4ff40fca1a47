import { ConditionFailed } from '../kernel/commit';
import type { Principal } from '../kernel/contract';
import { UNSENDABLE } from '../kernel/dead-letter';
import type { Handler } from '../kernel/http';
import { cutPage } from '../kernel/page';
import { conflict, invalid, notFound, type Problem } from '../kernel/problem';
import { untilWritten } from '../kernel/until-written';
import type { Operations } from './contract';
import { type Position, walk } from './desk';
import { editLetter, endLetter, findLetter, type StoredLetter, shownLetter } from './letters';
import { type Asker, askNow } from './own-api';
import { needsProtection } from './protected';
import { DeadLetter } from './schema';
import { FOREIGN, type ForeignKind, getForeign, keepEdit } from './set-aside';

/** Messages by their kind first, then what other contexts set aside; each newest first. */
export const listDeadLetters: Handler<Operations['listDeadLetters']> = (call) => {
  const { limit, lane, context, reason } = call.query;
  return cutPage<DeadLetter, Position>(call, (from) => walk(call, { lane, context, reason }, { from, limit }));
};

/** `message.<id>` as its kind and its id there. */
function partsOf(id: string): { kind: 'message' | ForeignKind; own: string } {
  const dot = id.indexOf('.');
  return { kind: id.slice(0, dot) as 'message' | ForeignKind, own: id.slice(dot + 1) };
}

async function storedLetter(own: string): Promise<StoredLetter> {
  const letter = await findLetter(own);
  if (!letter) throw notFound('dead letter');
  return letter;
}

/** @throws Problem 404 */
export async function findAtDesk(asker: Asker, id: string): Promise<DeadLetter> {
  const { kind, own } = partsOf(id);
  return kind === 'message' ? shownLetter(await storedLetter(own)) : getForeign(asker, kind, own);
}

export const getDeadLetter: Handler<Operations['getDeadLetter']> = (call) => findAtDesk(call, call.params.id);

const refuse = ({ state }: DeadLetter, what: string): Problem =>
  conflict(
    state === 'open' ? `a dead letter of this kind cannot be ${what}` : `it was ${state.replace('_', ' ')} before`,
  );

const MOVED_ON = 'it has just been changed, look again';

/** An edit waits here, and is in the audit trail: outside of the profiles nothing may see what they protect. */
const NOT_KEPT =
  'holds what looks like a card number, a password or the like: POST /api/profiles/set-aside/{id}/retry/ takes and protects it';

/** SQS takes 256 KB, the reason of a next failure among it. */
const LARGEST_BYTES = 250_000;

/** @throws Problem 422 when no queue takes it */
function sendable(text: string): string {
  if (text.search(UNSENDABLE) >= 0) throw invalid([{ path: 'payload', message: 'holds a character that SQS refuses' }]);
  if (Buffer.byteLength(text) > LARGEST_BYTES) {
    throw invalid([{ path: 'payload', message: `expected at most ${LARGEST_BYTES} bytes` }]);
  }
  return text;
}

/** @throws Problem 422 when it may not be kept, or no queue takes it */
function checkEdit({ context }: DeadLetter, payload: unknown): void {
  if (context === 'profiles') {
    const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
    if (!isObject) throw invalid([{ path: 'payload', message: 'expected a JSON object, as the profiles take it' }]);
    if (needsProtection(payload)) throw invalid([{ path: 'payload', message: NOT_KEPT }]);
  }
  sendable(JSON.stringify(payload));
}

/** A read and a transaction; again when somebody else changed it in between, unless `If-Match` was given. */
export const changeDeadLetter: Handler<Operations['changeDeadLetter']> = (call) =>
  untilWritten(async () => {
    const { params, body, requireMatch } = call;
    const { kind, own } = partsOf(params.id);
    const stored = kind === 'message' ? await storedLetter(own) : undefined;
    const letter = stored ? shownLetter(stored) : await findAtDesk(call, params.id);
    requireMatch(letter);
    if (!letter.can_edit) throw refuse(letter, 'edited');
    checkEdit(letter, body.payload);
    if (stored) await editLetter(stored, JSON.stringify(body.payload));
    else await keepEdit(letter, body.payload);
    return { ...letter, payload: body.payload, edited: true };
  });

async function putBackMessage(own: string, by: Principal): Promise<DeadLetter> {
  const letter = await storedLetter(own);
  const before = shownLetter(letter);
  if (!before.can_put_back || letter.role === null) throw refuse(before, 'put back');
  // as it stands: read and written again, a large number would be another
  const emit = [{ queue: letter.role, text: sendable(letter.payload) }];
  const ended = endLetter(letter, { state: 'put_back', by: by.name, emit });
  return shownLetter(
    await ended.catch((error: unknown) => {
      throw error instanceof ConditionFailed ? conflict(MOVED_ON) : error;
    }),
  );
}

/** A context's own word on why it refuses. */
const detailOf = (body: unknown): string =>
  String((body as { detail?: unknown } | null | undefined)?.detail ?? 'it was refused');

async function putBackForeign(asker: Asker, kind: ForeignKind, id: string): Promise<DeadLetter> {
  const letter = await findAtDesk(asker, id);
  if (!letter.can_put_back) throw refuse(letter, 'put back');
  const { own } = partsOf(id);
  const { path, body } = FOREIGN[kind].putBack(encodeURIComponent(own), letter.edited ? letter.payload : undefined);
  const answer = await askNow(asker, path, { method: 'POST', body });
  if (answer.status === 422) throw invalid([{ path: 'payload', message: detailOf(answer.body) }]);
  if (answer.status >= 300) throw conflict(detailOf(answer.body));
  return { ...letter, state: 'put_back', can_put_back: false, can_edit: false, can_discard: false };
}

/** @throws Problem 404, 409, 422 */
export function putBack(asker: Asker, id: string, by: Principal): Promise<DeadLetter> {
  const { kind, own } = partsOf(id);
  return kind === 'message' ? putBackMessage(own, by) : putBackForeign(asker, kind, id);
}

export const putBackDeadLetter: Handler<Operations['putBackDeadLetter']> = (call) =>
  putBack(call, call.params.id, call.principal);

type Discard = Parameters<Handler<Operations['discardDeadLetter']>>[0];

const discardMessage = (own: string, { principal, requireMatch }: Discard): Promise<undefined> =>
  untilWritten(async () => {
    const letter = await storedLetter(own);
    const before = shownLetter(letter);
    requireMatch(DeadLetter.parse(before));
    if (!before.can_discard) throw refuse(before, 'thrown away');
    await endLetter(letter, { state: 'discarded', by: principal.name });
    return undefined;
  });

export const discardDeadLetter: Handler<Operations['discardDeadLetter']> = async (call) => {
  const { params, requireMatch } = call;
  const { kind, own } = partsOf(params.id);
  if (kind === 'message') return discardMessage(own, call);
  const letter = await findAtDesk(call, params.id);
  requireMatch(DeadLetter.parse(letter));
  if (!letter.can_discard) throw refuse(letter, 'thrown away');
  const path = FOREIGN[kind].discard?.(encodeURIComponent(own)) ?? '';
  const answer = await askNow(call, path, { method: 'DELETE' });
  if (answer.status >= 300 && answer.status !== 404) throw conflict(detailOf(answer.body));
  return undefined;
};
