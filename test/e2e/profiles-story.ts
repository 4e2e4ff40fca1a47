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
  const ownersOf = async (what: string): Promise<string[]> => {
    const { body } = await stack.http('GET', `/api/profiles/${what}/?assigned=true&limit=200`, { headers });
    return body.results.map(({ user }: { user: string }) => user);
  };
  const uid = await eventually(
    'somebody has both',
    async () => {
      const [addressed, carded] = await Promise.all([ownersOf('addresses'), ownersOf('credit-cards')]);
      return addressed.find((user) => carded.includes(user));
    },
    30_000,
  );
  const { body: whole } = await stack.http('GET', `/api/profiles/users/${uid}/`, { headers });
  expect(whole).toMatchObject({ uid: whole?.address.uid, credit_cards: [{ user: whole?.uid }] });
  return whole;
}
