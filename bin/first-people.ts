import { call, isEmpty } from './api';

const RESOURCES = ['users', 'addresses', 'credit_cards'];
/** Batches of each kind: some fifty people, linked within seconds. The schedules go on from there. */
const BATCHES = 2;

/**
 * Fetches the first people, addresses and cards at once rather than with the schedules' next minute, unless there were runs
 * before. Safe to run again.
 * @param url base address of the API
 */
export async function firstPeople(url: string, headers: Record<string, string>): Promise<void> {
  const runs = `${url}/api/profiles/runs/`;
  if (!(await isEmpty(runs, headers))) return;
  for (const resource of RESOURCES) {
    const key = { 'idempotency-key': `first-people-${resource}` };
    await call(runs, { resource, batches: BATCHES }, { ...headers, ...key });
  }
}
