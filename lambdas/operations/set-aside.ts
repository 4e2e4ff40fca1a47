import * as z from 'zod';
import { expiry } from '../kernel/clock';
import { commit } from '../kernel/commit';
import { notFound } from '../kernel/problem';
import { type Key, table } from '../kernel/table';
import { type Asker, askNow, read, unanswered } from './own-api';
import { shownPayload } from './payload';
import type { DeadLetter } from './schema';

/** Kinds of dead letters that their own contexts keep, and show and put back by their own routes. */
export type ForeignKind = 'receipt' | 'profile' | 'delivery';

interface Foreign {
  lane: string;
  context: string;
  /** A list of them, newest first. */
  list: string;
  one: (id: string) => string;
  putBack: (id: string, edited: unknown) => { path: string; body?: unknown };
  discard?: (id: string) => string;
  letter: z.ZodType<Own>;
}

/** What differs from kind to kind. */
type Own = Pick<DeadLetter, 'payload' | 'reason' | 'since' | 'attempts' | 'ended_at'> & { id: string; open: boolean };

const RECEIPTS = '/api/checks/set-aside/';
const PROFILES = '/api/profiles/set-aside/';
const DELIVERIES = '/api/v1/consumer/deliveries/';

export const FOREIGN: Record<ForeignKind, Foreign> = {
  receipt: {
    lane: 'Receipts.SetAside',
    context: 'receipts',
    list: RECEIPTS,
    one: (id) => `${RECEIPTS}${id}/`,
    putBack: (id, edited) => ({
      path: `${RECEIPTS}${id}/put-back/`,
      body: edited === undefined ? {} : { payload: typeof edited === 'string' ? edited : JSON.stringify(edited) },
    }),
    letter: z
      .object({
        id: z.string(),
        payload: z.string(),
        reason: z.string(),
        set_aside_at: z.string(),
        put_back_at: z.string().nullable(),
      })
      .transform(({ id, payload, reason, set_aside_at, put_back_at }) => ({
        id,
        payload: shownPayload(payload),
        reason,
        since: set_aside_at,
        attempts: null,
        ended_at: put_back_at,
        open: put_back_at === null,
      })),
  },
  profile: {
    lane: 'Profiles.SetAside',
    context: 'profiles',
    list: PROFILES,
    one: (id) => `${PROFILES}${id}/`,
    putBack: (id, edited) => ({
      path: `${PROFILES}${id}/retry/`,
      body: edited === undefined ? {} : { record: edited },
    }),
    discard: (id) => `${PROFILES}${id}/`,
    letter: z
      .object({
        id: z.string(),
        record: z.unknown(),
        reason: z.string(),
        times: z.int(),
        set_aside_at: z.string(),
      })
      .transform(({ id, record, reason, times, set_aside_at }) => ({
        id,
        payload: record,
        reason,
        since: set_aside_at,
        attempts: times,
        ended_at: null,
        open: true,
      })),
  },
  delivery: {
    lane: 'Orders.Deliveries',
    context: 'orders',
    list: `${DELIVERIES}?status=exhausted`,
    one: (id) => `${DELIVERIES}${id}/`,
    putBack: (id) => ({ path: `${DELIVERIES}${id}/replay/` }),
    letter: z
      .object({
        id: z.string(),
        payload: z.string(),
        status: z.string(),
        attempts: z.array(z.object({ error: z.string().nullable(), status_code: z.int().nullable() })),
        updated_at: z.string(),
      })
      .transform(({ id, payload, status, attempts, updated_at }) => {
        const last = attempts.at(-1);
        return {
          id,
          payload: shownPayload(payload),
          reason: last?.error ?? `the receiver answered ${last?.status_code ?? 'nothing'}`,
          since: updated_at,
          attempts: attempts.length,
          ended_at: status === 'exhausted' ? null : updated_at,
          open: status === 'exhausted',
        };
      }),
  },
};

const edits = table();
/** An edit with no `since` is of no record that is set aside now. */
const Edit = z.object({ id: z.string(), since: z.string().optional(), payload: z.string() });
const EDIT_SECONDS = 30 * 24 * 3_600;
const editKey = (id: string): Key => ({ pk: `EDIT#${id}`, sk: 'EDIT' });

/**
 * Keeps what is to be put back instead of what was set aside, for 30 days. It holds for this time that the record is set
 * aside: one that comes again has the same id. @throws ConditionFailed when it was edited since it was read
 */
export async function keepEdit({ id, since, edited, payload: read }: DeadLetter, payload: unknown): Promise<void> {
  const edit = { id, since, payload: JSON.stringify(payload), expires_at: expiry(EDIT_SECONDS) };
  const when = edited ? { equals: { since, payload: JSON.stringify(read) } } : { below: { since } };
  await commit({ writes: [edits.put({ ...editKey(id), ...edit }, when)] });
}

const shown = (kind: ForeignKind, { id, open, ...own }: Own): DeadLetter => {
  const { lane, context, one, discard } = FOREIGN[kind];
  return {
    id: `${kind}.${id}`,
    kind,
    lane,
    context,
    ...own,
    edited: false,
    can_put_back: open,
    can_edit: open && kind !== 'delivery',
    can_discard: open && discard !== undefined,
    state: open ? 'open' : 'put_back',
    ended_by: null,
    link: one(id),
  };
};

/** Lays what was edited over what was set aside. One call for up to 100. */
async function withEdits(letters: DeadLetter[]): Promise<DeadLetter[]> {
  const editable = letters.filter(({ can_edit }) => can_edit).map(({ id }) => editKey(id));
  const found: z.output<typeof Edit>[] = [];
  for (let start = 0; start < editable.length; start += 100) {
    found.push(...(await edits.findMany(Edit, editable.slice(start, start + 100))));
  }
  const byId = new Map(found.map((edit) => [edit.id, edit]));
  return letters.map((letter) => {
    const edit = byId.get(letter.id);
    if (edit?.since !== letter.since) return letter;
    return { ...letter, payload: JSON.parse(edit.payload) as unknown, edited: true };
  });
}

const ForeignPage = z.object({ results: z.array(z.unknown()), next: z.string().nullable() });

/** A page of the open ones of a kind, by its context's own list. */
export async function listForeign(asker: Asker, kind: ForeignKind, limit: number, cursor: string | undefined) {
  const { list, letter } = FOREIGN[kind];
  const search = new URLSearchParams({ limit: String(limit), ...(cursor !== undefined && { cursor }) });
  const path = `${list}${list.includes('?') ? '&' : '?'}${search}`;
  const { results, next } = await read(asker, path, ForeignPage);
  const open = results.map((one) => letter.parse(one)).filter((one) => one.open);
  return {
    results: await withEdits(open.map((one) => shown(kind, one))),
    cursor: next === null ? undefined : (new URL(next, 'http://own').searchParams.get('cursor') ?? undefined),
  };
}

/** One of them, open or not. @throws Problem 404, 503 */
export async function getForeign(asker: Asker, kind: ForeignKind, id: string): Promise<DeadLetter> {
  const { one, letter } = FOREIGN[kind];
  const answer = await askNow(asker, one(encodeURIComponent(id)));
  if (answer.status === 404) throw notFound('dead letter');
  if (answer.status !== 200) throw unanswered(one(id), answer.status);
  const [found] = await withEdits([shown(kind, letter.parse(answer.body))]);
  if (!found) throw notFound('dead letter');
  return found;
}
