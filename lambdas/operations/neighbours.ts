import * as z from 'zod';
import { now } from '../kernel/clock';
import { findEnv } from '../kernel/env';
import type { Handler } from '../kernel/http';
import type { Operations } from './contract';
import { type Asker, read } from './own-api';
import type { NeighbourState } from './schema';

type Health = Omit<NeighbourState, 'name' | 'context' | 'runs' | 'faults' | 'faults_link'>;

const UNKNOWN: Health = {
  state: 'unknown',
  detail: 'nothing was asked of it yet',
  last_success: null,
  last_failure: null,
  recent: { succeeded: 0, failed: 0 },
  circuit: null,
};

interface Run {
  at: string;
  ok: boolean;
  reason: string;
}

/** What some runs, newest first, say of the service that they asked. */
function judge(runs: Run[]): Health {
  const failed = runs.filter(({ ok }) => !ok);
  const succeeded = runs.filter(({ ok }) => ok);
  const [latest] = runs;
  if (!latest) return UNKNOWN;
  return {
    state: !failed.length ? 'well' : succeeded.length ? 'troubled' : 'down',
    detail: latest.ok ? `answered at ${latest.at}` : latest.reason,
    last_success: succeeded[0]?.at ?? null,
    last_failure: failed[0]?.at ?? null,
    recent: { succeeded: succeeded.length, failed: failed.length },
    circuit: null,
  };
}

const RUNS_LOOKED_AT = 30;

const ProfileRuns = z.object({
  results: z.array(z.object({ state: z.string(), error: z.string().nullable(), finished_at: z.string().nullable() })),
});

async function randomData(asker: Asker): Promise<Health> {
  const { results } = await read(asker, `/api/profiles/runs/?limit=${RUNS_LOOKED_AT}`, ProfileRuns);
  return judge(
    results.flatMap(({ state, error, finished_at }) =>
      finished_at === null ? [] : [{ at: finished_at, ok: state === 'succeeded', reason: error ?? 'failed' }],
    ),
  );
}

const Refreshes = z.object({
  results: z.array(
    z.object({
      state: z.string(),
      ended_at: z.string().nullable(),
      started_at: z.string(),
      products: z.int(),
      refreshed: z.int(),
      failures: z.record(z.string(), z.int()),
    }),
  ),
});

/** A service that tells us that it does not know a product, or refuses it, answers. */
const ANSWERED = ['not_found', 'refused'];

/** Its pages are given up when their time is over, and then have counted nothing. */
const CUT = 'a refresh did not end in its two minutes: the service is slow, or refreshes stand still';

async function offers(asker: Asker): Promise<Health> {
  const { results } = await read(asker, `/api/catalogue/runs/?limit=${RUNS_LOOKED_AT}`, Refreshes);
  return judge(
    results.flatMap(({ state, ended_at, started_at, products, refreshed, failures }) => {
      const isCut = state === 'incomplete';
      if (state === 'running' || (!products && !isCut)) return [];
      const bad = Object.entries(failures).filter(([name]) => !ANSWERED.includes(name));
      const failed = `${products - refreshed} of ${products} products were not refreshed: ${bad.map(([name, count]) => `${count} ${name}`).join(', ')}`;
      const reason = [isCut ? CUT : [], bad.length ? failed : []].flat().join('; ');
      return [{ at: ended_at ?? started_at, ok: !isCut && !bad.length, reason }];
    }),
  );
}

const SendingState = z.object({
  messages: z.object({ sent: z.int(), error: z.int() }),
  service: z.object({ failures: z.int(), open_until: z.string().nullable() }),
});

/** Judged by its circuit: what it was asked for is in the log of each mailing. */
async function send(asker: Asker): Promise<Health> {
  const { messages, service } = await read(asker, '/api/mailings/counts/', SendingState);
  const { failures, open_until } = service;
  const recent = { succeeded: messages.sent, failed: messages.error };
  const health = { ...UNKNOWN, recent, circuit: { open_until, failures } };
  if (open_until !== null && open_until > now().toISOString())
    return { ...health, state: 'down', detail: `${failures} failures in a row: nothing is sent before ${open_until}` };
  if (failures) return { ...health, state: 'troubled', detail: `${failures} failures in a row` };
  return messages.sent ? { ...health, state: 'well', detail: `${messages.sent} messages were sent` } : health;
}

const SERVICES = {
  'random-data': { context: 'profiles', runs: '/api/profiles/runs/', look: randomData },
  offers: { context: 'catalogue', runs: '/api/catalogue/runs/', look: offers },
  send: { context: 'mailings', runs: null, look: send },
} as const;

const Faults = z.looseObject({ mode: z.string() });

/** What its stand-in does wrong, where it has one. */
async function faultsOf(asker: Asker, name: string): Promise<Pick<NeighbourState, 'faults' | 'faults_link'>> {
  const standIns = findEnv('STAND_INS')?.split(',') ?? [];
  if (!standIns.includes(name)) return { faults: null, faults_link: null };
  const faults_link = `/sandbox/${name}/faults/`;
  return { faults: await read(asker, faults_link, Faults).catch(() => null), faults_link };
}

/** A call of each context, and of each stand-in. One that does not answer is unknown, and hides none of the others. */
export const listNeighbours: Handler<Operations['listNeighbours']> = async (call) => {
  const looked = Object.entries(SERVICES).map(async ([name, { context, runs, look }]) => {
    const [health, faults] = await Promise.all([
      look(call).catch((error: Error): Health => ({ ...UNKNOWN, detail: error.message })),
      faultsOf(call, name),
    ]);
    return { name: name as NeighbourState['name'], context, ...health, runs, ...faults };
  });
  return { results: await Promise.all(looked) };
};
