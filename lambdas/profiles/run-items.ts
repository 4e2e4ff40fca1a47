import * as z from 'zod';
import { expiry, timestamp } from '../kernel/clock';
import { newId } from '../kernel/id';
import type { Outgoing } from '../kernel/outbox';
import { table, type Write } from '../kernel/table';
import { NOTHING } from './ingest';
import { type Resource, Run } from './schema';

export const runs = table();
export const RUNS = 'RUNS';
const KEPT_SECONDS = 90 * 24 * 3_600;

export const StoredRun = Run.extend({
  /** Which step is next: a message of another one was received before. */
  step: z.int(),
  /** Batches that failed since the last good one. */
  failures: z.int(),
});
export type StoredRun = z.output<typeof StoredRun>;

export const RunStep = z.object({ run: z.uuid(), step: z.int() });
export type RunStep = z.output<typeof RunStep>;

/** The message for a step of a run. */
export const stepLater = (message: RunStep, due_at?: string): Outgoing => ({
  queue: 'PROFILES_RUNS',
  message,
  ...(due_at !== undefined && { due_at }),
});

export const keyOf = (id: string) => ({ pk: RUNS, sk: id });
/** The runs of one resource, in gsi1. */
export const partitionOf = (resource: Resource): string => `${RUNS}#${resource}`;

/** A run as it begins: one of a schedule at once, all others with their first step. */
export function newRun(resource: Resource, trigger: Run['trigger'], batches: number): StoredRun {
  const at = timestamp();
  const started = trigger === 'schedule' ? at : null;
  return {
    id: newId(),
    resource,
    trigger,
    state: started ? 'running' : 'queued',
    batches,
    batches_done: 0,
    ...NOTHING,
    attempts: 0,
    error: null,
    created_at: at,
    started_at: started,
    finished_at: null,
    duration_ms: started ? null : 0,
    step: 0,
    failures: 0,
  };
}

export const putRun = (run: StoredRun): Write =>
  runs.put(
    {
      ...keyOf(run.id),
      gsi1pk: partitionOf(run.resource),
      gsi1sk: run.id,
      ...run,
      expires_at: expiry(KEPT_SECONDS),
    },
    { exists: false },
  );

export const ended = (state: 'succeeded' | 'failed') => ({ state, finished_at: timestamp() });
