import * as z from 'zod';
import { secondsAfter, timestamp } from '../kernel/clock';
import { type Commit, commit, commitIf } from '../kernel/commit';
import { newId, shardOf, shards } from '../kernel/id';
import { type ListCall, mergedPage } from '../kernel/page';
import { conflict, type FieldError, invalid, notFound } from '../kernel/problem';
import { type Key, table } from '../kernel/table';
import { Cursor } from './audience';
import { withDeed } from './history';
import { Deed, Mailing, type MailingChange, type MailingQuery, type NewMailing } from './schema';

export const mailings = table();
export const MAILINGS = 'MAILINGS';
/** The index partition of mailings that something is still to be done for, by when. */
export const RUNS = 'MAILING_RUNS';
/** The role of the queue whose messages drive a mailing. */
export const RUN_QUEUE = 'MAILINGS_RUN';

/**
 * "Go on with this mailing": void once the mailing has another version, and, the first time, once its run has come further
 * than `step`.
 */
export const RunMessage = z.object({ mailing: z.string(), version: z.int(), step: z.int().optional() });
export type RunMessage = z.output<typeof RunMessage>;

/**
 * A mailing as stored, its run included. `version` counts what operators decide (a message of an older version finds that
 * it is no longer current), `step` what the run writes (of two that drive it at once, one finds that it is not alone).
 */
export const StoredMailing = Mailing.extend({
  version: z.int(),
  step: z.int(),
  history: z.array(Deed),
  /** How far the audience was read; absent before the start. */
  cursor: Cursor.optional(),
  /** The whole audience is in the ledger. */
  is_read: z.boolean(),
  /** Messages handed to senders so far; with what returned from them it says how many are on their way. */
  emitted: z.int(),
  /** How many of them had returned at a time of the machine's, for what has returned since tells the pace. */
  pace: z.object({ at_ms: z.number(), returned: z.int() }).optional(),
  /** When the run is to be looked at next: if it was not a while after that, its driver is dead. */
  wake_at: z.string(),
  closed_at: z.string().optional(),
  /** Failed messages up to this time are to be put back. */
  requeue_to: z.string().optional(),
  deleted: z.literal(true).optional(),
});
export type StoredMailing = z.output<typeof StoredMailing>;

export const mailingKey = (id: string): Key => ({ pk: `MAILING#${id}`, sk: 'MAILING' });

/** Also one that was deleted and still has to settle its messages. One read. */
export const findMailing = (id: string): Promise<StoredMailing | undefined> =>
  mailings.find(StoredMailing, mailingKey(id));

/** @throws Problem 404 */
export async function getMailing(id: string): Promise<StoredMailing> {
  const found = await findMailing(id);
  if (!found || found.deleted) throw notFound('mailing');
  return found;
}

/** Where a mailing stands in the lists by status. */
export const statusIndex = (status: string, id: string) => ({
  gsi3pk: shardOf(`${MAILINGS}#${status}`, id),
  gsi3sk: id,
});

/** Where a mailing stands among those to look at; undefined for one that is through. */
export const runIndex = (wakeAt: string | undefined, id: string) => ({
  gsi2pk: wakeAt === undefined ? undefined : RUNS,
  gsi2sk: wakeAt === undefined ? undefined : `${wakeAt}#${id}`,
});

/** @throws Problem 422 for an end before the start or in the past */
export function checkTimes({ start_at, end_at }: { start_at: string; end_at: string }): void {
  const errors: FieldError[] = [];
  if (end_at <= start_at) errors.push({ path: 'end_at', message: 'expected a time after start_at' });
  else if (end_at <= timestamp()) errors.push({ path: 'end_at', message: 'expected a time in the future' });
  if (errors.length) throw invalid(errors);
}

/** SQS counts in whole seconds: a message that must not be late comes early, and its driver waits for what is left. */
const EARLY_SECONDS = 1;

const runMessage = ({ id, version }: { id: string; version: number }, due_at?: string) => ({
  queue: RUN_QUEUE,
  message: { mailing: id, version } satisfies RunMessage,
  ...(due_at !== undefined && { due_at: secondsAfter(due_at, -EARLY_SECONDS) }),
});

/** Stores a mailing and its start in one transaction; one whose start has passed starts at once. @throws Problem 422 */
export async function addMailing(
  fields: NewMailing,
  by: string,
  remember: (mailing: Mailing) => Commit['idempotency'],
): Promise<StoredMailing> {
  checkTimes(fields);
  const at = timestamp();
  const id = newId();
  const mailing: StoredMailing = {
    id,
    ...fields,
    status: 'scheduled',
    created_at: at,
    updated_at: at,
    version: 1,
    step: 0,
    history: withDeed([], by, 'created'),
    is_read: false,
    emitted: 0,
    wake_at: fields.start_at,
  };
  const index = {
    gsi1pk: shardOf(MAILINGS, id),
    gsi1sk: id,
    ...runIndex(fields.start_at, id),
    ...statusIndex('scheduled', id),
  };
  await commit({
    writes: [mailings.put({ ...mailingKey(id), ...index, ...mailing }, { exists: false })],
    emit: [runMessage(mailing, fields.start_at)],
    idempotency: remember(Mailing.parse(mailing)),
  });
  return mailing;
}

interface Decision {
  what: string;
  set: Partial<StoredMailing>;
  /** When the run goes on. @default at once */
  due?: string;
  /** It does not go on. */
  rests?: true;
}

const TRIES = 4;

/**
 * Carries out what an operator decides of a mailing as it is now. Each decision is a new version, in one transaction with
 * the message that drives the run by it, so that whatever is under way for an older one finds itself overtaken.
 * @throws Problem 404, and what `decide` throws
 */
export async function decideOn(
  id: string,
  by: string,
  decide: (mailing: StoredMailing) => Decision | undefined,
): Promise<StoredMailing> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = await getMailing(id);
    const decision = decide(before);
    if (!decision) return before;
    const at = timestamp();
    const version = before.version + 1;
    const wake_at = decision.due ?? at;
    const set = {
      ...statusIndex(decision.set.status ?? before.status, id),
      ...(decision.set.deleted && { gsi1pk: undefined, gsi1sk: undefined, gsi3pk: undefined, gsi3sk: undefined }),
      ...decision.set,
      version,
      updated_at: at,
      wake_at,
      history: withDeed(before.history, by, decision.what),
      ...runIndex(decision.rests ? undefined : wake_at, id),
    };
    const written = await commitIf({
      writes: [
        mailings.update(mailingKey(id), { set }, { equals: { version: before.version, status: before.status } }),
      ],
      emit: decision.rests ? [] : [runMessage({ id, version }, decision.due)],
    });
    if (written) return StoredMailing.parse({ ...before, ...set });
  }
  throw conflict('the mailing is being changed by others, try again');
}

const UNDER_WAY: (keyof MailingChange)[] = ['text', 'end_at'];

/** @throws Problem 409 for a field that can no longer be changed, 422 for times that do not fit */
export const changeMailing = (id: string, change: MailingChange, by: string, check: (now: Mailing) => void) =>
  decideOn(id, by, (before) => {
    check(before);
    const given = Object.entries(change).filter(
      ([name, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(before[name as keyof Mailing]),
    );
    if (!given.length) return undefined;
    const names = given.map(([name]) => name);
    if (before.status === 'finished' || before.status === 'cancelled') {
      throw conflict(`the mailing is ${before.status}: it can no longer be changed`);
    }
    const isScheduled = before.cursor === undefined;
    const fixed = names.filter((name) => !isScheduled && !UNDER_WAY.includes(name as keyof MailingChange));
    if (fixed.length) {
      throw conflict(`the mailing has begun: only its text and its end can be changed, not ${fixed.join(', ')}`);
    }
    const after = { ...before, ...Object.fromEntries(given) };
    if (names.includes('start_at') || names.includes('end_at')) checkTimes(after);
    return {
      what: `changed ${names.join(', ')}`,
      set: Object.fromEntries(given),
      ...(before.status === 'paused' ? { due: after.end_at } : isScheduled && { due: after.start_at }),
    };
  });

/** Its end comes all the same. */
export const pauseMailing = (id: string, by: string) =>
  decideOn(id, by, ({ status, end_at }) => {
    if (status === 'paused') return undefined;
    if (status !== 'running' && status !== 'scheduled') throw conflict(`the mailing is ${status}: it cannot be paused`);
    return { what: 'paused', set: { status: 'paused' }, due: end_at };
  });

export const resumeMailing = (id: string, by: string) =>
  decideOn(id, by, ({ status, cursor, start_at }) => {
    if (status === 'running') return undefined;
    if (status !== 'paused') throw conflict(`the mailing is ${status}: it cannot be resumed`);
    return cursor
      ? { what: 'resumed', set: { status: 'running' } }
      : { what: 'resumed', set: { status: 'scheduled' }, due: start_at };
  });

/** What is not yet sent will not be: its messages become `expired` with that reason. */
export const cancelMailing = (id: string, by: string) =>
  decideOn(id, by, ({ status }) => {
    if (status === 'cancelled') return undefined;
    if (status === 'finished') throw conflict('the mailing is finished: it cannot be cancelled');
    return { what: 'cancelled', set: { status: 'cancelled', closed_at: timestamp() } };
  });

/** As cancelling, and it is no longer shown; what was sent stays in the statistics. */
export const deleteMailing = (id: string, by: string) =>
  decideOn(id, by, ({ status, closed_at }) => ({
    what: 'deleted',
    set: {
      deleted: true as const,
      ...(status !== 'finished' && { status: 'cancelled' as const, closed_at: closed_at ?? timestamp() }),
    },
    ...(status === 'finished' && { rests: true as const }),
  }));

/** Puts the failed messages back. @throws Problem 409 when none could be sent any more */
export const retryFailed = (id: string, by: string) =>
  decideOn(id, by, ({ status, end_at }) => {
    if (status === 'scheduled' || status === 'cancelled') throw conflict(`the mailing is ${status}`);
    if (end_at <= timestamp()) throw conflict(`the mailing ended at ${end_at}: nothing can be sent any more`);
    return {
      what: 'put the failed messages back',
      set: { requeue_to: timestamp(), ...(status === 'finished' && { status: 'running' as const }) },
      ...(status === 'paused' && { due: end_at }),
    };
  });

interface MailingListCall extends ListCall {
  query: z.output<typeof MailingQuery>;
}

/** Newest first. */
export const listMailings = (call: MailingListCall) =>
  mergedPage(mailings, StoredMailing, call, {
    index: call.query.status ? 'gsi3' : 'gsi1',
    partitions: shards(call.query.status ? `${MAILINGS}#${call.query.status}` : MAILINGS),
    sortKey: ({ id }: StoredMailing) => id,
  });

/** The newest mailings of each of the partitions that they are spread over. Four queries. */
export async function newestOfEach(limit: number): Promise<StoredMailing[]> {
  const parts = await Promise.all(
    shards(MAILINGS).map((partition) => mailings.query(StoredMailing, { index: 'gsi1', partition, limit })),
  );
  return parts.flatMap(({ items }) => items);
}

/** The newest mailings. Four queries. */
export const newest = async (limit: number): Promise<StoredMailing[]> =>
  (await newestOfEach(limit)).sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
