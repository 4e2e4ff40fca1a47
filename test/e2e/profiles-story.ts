import type { Deployed } from '../support/deployed';
import { eventually } from '../support/processes';

const RUNS = '/api/profiles/runs/';
const FAULTS = '/sandbox/random-data/faults/';

/** Starts a run and waits for its end. @returns the run */
export async function ranTo(
  { http }: Deployed,
  headers: Record<string, string>,
  state: 'succeeded' | 'failed',
  body: { resource: string; batches?: number },
) {
  const { status, body: started } = await http('POST', RUNS, { body, headers });
  expect(status).toBe(202);
  return eventually(
    `a run of ${body.resource} has ${state}`,
    async () => {
      const { body: run } = await http('GET', `${RUNS}${started.id}/`, { headers });
      if (run.finished_at && run.state !== state) throw new Error(JSON.stringify(run));
      return run.state === state && run;
    },
    90_000,
  );
}

export const setFaults = ({ http }: Deployed, headers: Record<string, string>, body: object) =>
  http('PUT', FAULTS, { body, headers });

/** Fetches people, addresses and cards in steps, and finds a user with both. @returns its page */
export async function collectPeople(stack: Deployed, headers: Record<string, string>, batches = 2) {
  await Promise.all(
    ['credit_cards', 'addresses', 'users'].map((resource) => ranTo(stack, headers, 'succeeded', { resource, batches })),
  );
  const { body: assigned } = await stack.http('GET', '/api/profiles/addresses/?assigned=true&limit=200', { headers });
  const people = await Promise.all(
    assigned.results
      .slice(0, 20)
      .map(({ user }: { user: string }) => stack.http('GET', `/api/profiles/users/${user}/`, { headers })),
  );
  const whole = people.map(({ body }) => body).find(({ address, credit_cards }) => address && credit_cards.length);
  expect(whole).toMatchObject({ uid: whole?.address.uid, credit_cards: [{ user: whole?.uid }] });
  return whole;
}
