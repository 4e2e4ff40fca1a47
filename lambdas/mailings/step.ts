import { now, secondsAfter, timestamp } from '../kernel/clock';
import { ConditionFailed, commit, commitIf } from '../kernel/commit';
import { log } from '../kernel/log';
import { queueUrl, send } from '../kernel/queue';
import { nextClients } from './audience';
import { type Breaker, PROBE_SECONDS, readBreaker, takeProbe } from './breaker';
import { countWrites, ledger, StoredMessage, statusShards, tallyOf } from './ledger';
import { mailingKey, mailings, runIndex, type StoredMailing, statusIndex } from './mailings';
import { allowance, paceOf } from './pace';
import { countsOf, type Placement, place, placeClient, requeue, without, writeOf } from './placement';
import { backlogMs, chunkSize, rate, reserve, spacingMs } from './rate';
import type { MessageStatus } from './schema';
import type { SendMessage } from './send';

/** Messages of one transaction: DynamoDB takes 100 items, three are the mailing and the counters. */
const PAGE = 95;
/** Messages of one step, a transaction after the other. */
const STEP = 5 * PAGE;
/** A mailing takes slots so far ahead and no further: the others get theirs in turn. */
const AHEAD_MS = 2_000;
/**
 * How long whoever was handed a message has it: longer than a slot, the queue and the service take together as a rule. A
 * message that waited longer is handed out again, and its old sender finds that out before it asks.
 */
const LEASE_SECONDS = 60;
/** After the end: within this time an answer may still come to what was asked before, and be stored. */
const GRACE_SECONDS = 35;
export const LOOK_SECONDS = 1;
/** If a run was not looked at so long after its time, its driver is dead. */
export const DEAD_SECONDS = 15;

const isClosing = ({ status, end_at }: StoredMailing): boolean => status === 'cancelled' || timestamp() >= end_at;

/** Messages of a status by their time, the earliest first, from all partitions. */
async function earliest(mailing: string, status: MessageStatus, limit: number, to?: string): Promise<StoredMessage[]> {
  const parts = await Promise.all(
    statusShards(mailing, status).map((partition) =>
      ledger.query(StoredMessage, {
        index: 'gsi1',
        partition,
        ascending: true,
        limit,
        ...(to !== undefined && { to: `${to}~` }),
      }),
    ),
  );
  return parts
    .flatMap(({ items }) => items)
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .slice(0, limit);
}

/** Messages whose lease has ended, among those due: their senders are lost. */
async function lost(mailing: string): Promise<StoredMessage[]> {
  const range = {
    index: 'gsi1',
    ascending: true,
    to: `${timestamp()}~`,
    where: { equals: { state: 'sending' } },
  } as const;
  const parts = await Promise.all(
    statusShards(mailing, 'processing').map((partition) => ledger.query(StoredMessage, { ...range, partition })),
  );
  return parts.flatMap(({ items }) => items);
}

/** A change of the mailing by its run; holds only for whoever knows its newest version and step. */
export const advance = (mailing: StoredMailing, set: Partial<StoredMailing>) =>
  mailings.update(
    mailingKey(mailing.id),
    {
      set: {
        wake_at: secondsAfter(now(), DEAD_SECONDS),
        ...set,
        step: mailing.step + 1,
        ...runIndex(set.wake_at ?? secondsAfter(now(), DEAD_SECONDS), mailing.id),
        ...(set.status && statusIndex(set.status, mailing.id)),
      },
    },
    { equals: { version: mailing.version, step: mailing.step } },
  );

/** The first of each client: who is due may be met in the audience again, and an index may give an item that moves twice. */
function onceEach(all: Placement[]): Placement[] {
  const seen = new Set<string>();
  return all.filter(({ after: { client } }) => !seen.has(client) && seen.add(client));
}

/**
 * Stores placements with the mailing's progress and the counters, all or nothing. @returns those stored, with the mailing as
 * it is now, or undefined when overtaken
 */
async function store(mailing: StoredMailing, set: Partial<StoredMailing>, all: Placement[]) {
  let placements = onceEach(all);
  for (;;) {
    const out = placements.reduce((sum, { isHandedOut, wasOut }) => sum + Number(isHandedOut) - Number(wasOut), 0);
    const progress = { ...set, emitted: mailing.emitted + out };
    const head = [advance(mailing, progress), ...countWrites(mailing.id, countsOf(placements))];
    try {
      await commit({ writes: [...head, ...placements.map(writeOf)] });
      return { placements, mailing: { ...mailing, ...progress, step: mailing.step + 1 } };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      if (error.index === 0) return undefined;
      // somebody else has settled these meanwhile, or the clients were met before
      placements = without(placements, error, head.length);
    }
  }
}

interface Room {
  /** How many may be handed out now. */
  free: number;
  /** The service was taken for dead, and it is time to try it: with one message, by whoever gets the right to it. */
  breaker?: Breaker;
  /** When to look again, if there is none. */
  until?: string;
}

/** What is only settled needs no room at the service. */
const FOR_ALL: Room = { free: STEP };

/** What the counters say of a mailing at its start. */
const NOTHING_YET = { processing: 0, returned: 0 };

/**
 * How many messages may go out now, of a mailing that may have a breaker already or of a new one: not into a dead service,
 * not beyond the rate, not more than the senders can hold.
 */
async function roomNow(mailing: string | undefined): Promise<Room> {
  const [breaker, ahead] = await Promise.all([mailing === undefined ? undefined : readBreaker(mailing), backlogMs()]);
  if (breaker?.open_until !== undefined) {
    return breaker.open_until > timestamp() ? { free: 0, until: breaker.open_until } : { free: 1, breaker };
  }
  if (ahead >= AHEAD_MS) return { free: 0, until: secondsAfter(now(), (ahead - AHEAD_MS / 2) / 1_000) };
  return { free: Math.ceil(((AHEAD_MS - ahead) / 1_000) * (rate() ?? Number.POSITIVE_INFINITY)) };
}

/** The one message that would go to a service taken for dead waits for what comes of another one, if somebody else tries it. */
async function withProbe(mailing: string, breaker: Breaker, placements: Placement[]): Promise<Placement[]> {
  if (!placements.some(({ isHandedOut }) => isHandedOut) || (await takeProbe(mailing, breaker))) return placements;
  const at = secondsAfter(now(), PROBE_SECONDS);
  return placements.map((one) => ({
    ...one,
    after: { ...one.after, state: 'service_down' as const, at },
    isHandedOut: false,
  }));
}

async function handOut(mailing: StoredMailing, stored: Placement[], lease: string, probe: boolean): Promise<void> {
  const ids = stored.filter(({ isHandedOut }) => isHandedOut).map(({ after }) => after.client);
  if (!ids.length) return;
  const slot = await reserve(ids.length);
  const size = chunkSize();
  const messages = [];
  for (let start = 0; start < ids.length; start += size) {
    const slot_ms = slot + start * spacingMs();
    const body: SendMessage = { mailing: mailing.id, lease, slot_ms, probe, clients: ids.slice(start, start + size) };
    messages.push({ body, delaySeconds: Math.floor(Math.max(0, slot_ms - Date.now()) / 1_000) });
  }
  await send(queueUrl('MAILINGS_SEND'), messages);
}

/**
 * What a step leaves: more to do at once, as the mailing then is; nothing before a time (which may come sooner when `isSoon`);
 * or nothing at all.
 */
type Next = StoredMailing | 'over' | { at: string; isSoon: boolean };

const soonest = (...times: (string | undefined)[]): string =>
  times.reduce<string>((first, time) => (time !== undefined && time < first ? time : first), '9');

/** Finishes a mailing of which all is read and all is final. */
async function finish(mailing: StoredMailing): Promise<Next> {
  const status = mailing.status === 'cancelled' ? 'cancelled' : 'finished';
  const through = { gsi2pk: undefined, gsi2sk: undefined };
  const write = mailings.update(
    mailingKey(mailing.id),
    {
      set: { status, step: mailing.step + 1, ...through, ...(!mailing.deleted && statusIndex(status, mailing.id)) },
      setOnce: { closed_at: timestamp() },
    },
    { equals: { version: mailing.version, step: mailing.step } },
  );
  if (await commitIf({ writes: [write] })) log('info', 'mailing is through', { mailing_id: mailing.id, status });
  return 'over';
}

/** A mailing whose messages wait is looked at so often all the same: what is due may not be in the index yet. */
const LONGEST_REST_SECONDS = 300;

/** When a mailing with nothing to do now is to be looked at. */
async function rest(mailing: StoredMailing, inFlight: number, until?: string): Promise<Next> {
  const look = secondsAfter(now(), LOOK_SECONDS);
  if (isClosing(mailing)) return { at: look, isSoon: inFlight > 0 };
  if (until !== undefined) return { at: soonest(until, mailing.end_at), isSoon: false };
  // what is on its way may come back to be tried again: only a look can tell
  if (inFlight > 0) return { at: soonest(look, mailing.end_at), isSoon: true };
  const [next] = await earliest(mailing.id, 'processing', 1);
  // none, or one that is due by now: the index lags behind
  const at = next && next.at > timestamp() ? next.at : look;
  return { at: soonest(at, mailing.end_at, secondsAfter(now(), LONGEST_REST_SECONDS)), isSoon: false };
}

/** The messages that the close of a mailing settles now: all but those whose sender may still hear from the service. */
function closable(mailing: StoredMailing, found: StoredMessage[]): StoredMessage[] {
  const closedAt = mailing.status === 'cancelled' ? (mailing.closed_at ?? timestamp()) : mailing.end_at;
  const isOver = timestamp() > secondsAfter(closedAt, GRACE_SECONDS);
  return found.filter(({ state, at }) => isOver || state !== 'sending' || at <= timestamp());
}

async function start(mailing: StoredMailing): Promise<Next> {
  if (mailing.start_at > timestamp()) return { at: mailing.start_at, isSoon: false };
  const begun = { status: 'running' as const, cursor: { segment: 0 } };
  if (!(await commitIf({ writes: [advance(mailing, begun)] }))) return 'over';
  log('info', 'mailing started', {
    mailing_id: mailing.id,
    late_ms: now().getTime() - Date.parse(mailing.start_at),
  });
  return { ...mailing, ...begun, step: mailing.step + 1 };
}

/** Puts failed messages back, a page at a time. */
async function putBack(mailing: StoredMailing, until: string): Promise<Next> {
  const failed = await earliest(mailing.id, 'error', PAGE, until);
  const stored = await store(mailing, failed.length ? {} : { requeue_to: undefined }, failed.map(requeue));
  return stored?.mailing ?? 'over';
}

/**
 * Stores placements page by page, the last one with how far the audience was read, and hands out each page that is stored.
 * Should this function die in between, the leases end and the same messages are due again; clients that were stored already
 * are met a second time, and left alone.
 */
async function carryOut(
  before: StoredMailing,
  progress: Partial<StoredMailing>,
  all: Placement[],
  { lease, probe }: { lease: string; probe: boolean },
): Promise<Next> {
  let mailing = before;
  for (let from = 0; from === 0 || from < all.length; from += PAGE) {
    const isLast = from + PAGE >= all.length;
    const stored = await store(mailing, isLast ? progress : {}, all.slice(from, from + PAGE));
    if (!stored) return 'over';
    mailing = stored.mailing;
    await handOut(mailing, stored.placements, lease, probe);
  }
  return mailing;
}

/** One step of a run: what is due first, then the next part of the audience. */
export async function step(mailing: StoredMailing, looksForDue: boolean): Promise<Next> {
  const { id } = mailing;
  const closing = isClosing(mailing);
  if (mailing.status === 'finished') return 'over';
  if (!closing && mailing.status === 'scheduled') return start(mailing);
  if (!closing && mailing.status === 'paused') return { at: mailing.end_at, isSoon: false };
  if (!closing && mailing.requeue_to !== undefined) return putBack(mailing, mailing.requeue_to);

  // no step of it has ended and nothing has gone out: what a driver that died may have stored is met again in the audience
  const isNew = !closing && mailing.pace === undefined && mailing.emitted === 0;
  const [{ processing, returned }, room] = await Promise.all([
    isNew ? NOTHING_YET : tallyOf(id),
    closing ? FOR_ALL : roomNow(isNew ? undefined : id),
  ]);
  const isRead = mailing.is_read || mailing.status === 'cancelled';
  if (isRead && processing === 0) return finish(mailing);
  const inFlight = mailing.emitted - returned;
  const free = closing
    ? STEP
    : Math.max(0, Math.min(STEP, room.free, Math.floor(allowance(mailing, returned)) - inFlight));
  if (room.free === 0 || (free === 0 && !looksForDue)) return rest(mailing, inFlight, room.until);

  const isLooking = processing > 0 && (closing || looksForDue || inFlight <= 0);
  // lost ones take the place that they have had all along: they go out even when there is no other
  const look = () =>
    free === 0 ? lost(id) : earliest(id, 'processing', closing ? 4 * PAGE : free, closing ? undefined : timestamp());
  const found = isLooking ? (await look()).slice(0, closing ? undefined : Math.min(STEP, room.free)) : [];
  const due = closing ? closable(mailing, found) : found;
  const wanted = isRead ? 0 : Math.max(0, free - due.length);
  const page = wanted > 0 ? await nextClients(mailing.filter, mailing.cursor ?? { segment: 0 }, wanted) : undefined;
  if (!due.length && !page) return rest(mailing, inFlight);

  const lease = secondsAfter(now(), LEASE_SECONDS);
  const all = [
    ...due.map((message) => place(mailing, message, lease, closing)),
    ...(page?.found.map((client) => placeClient(mailing, client, lease, closing)) ?? []),
  ];
  const placements = room.breaker ? await withProbe(id, room.breaker, all) : all;
  const progress = {
    ...paceOf(mailing, returned),
    ...(page && { cursor: page.cursor ?? mailing.cursor ?? { segment: 0 }, is_read: !page.cursor }),
  };
  return carryOut(mailing, progress, placements, { lease, probe: room.breaker !== undefined });
}
