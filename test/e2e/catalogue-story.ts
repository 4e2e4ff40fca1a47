import type { Deployed } from '../support/deployed';
import { eventually } from '../support/processes';

type Headers = Record<string, string>;

/** Refreshes all offers. @returns the run as it ended */
export async function refreshed({ http }: Deployed, headers: Headers) {
  const { status, body } = await http('POST', '/api/catalogue/runs/', { headers });
  expect(status).toBe(202);
  return eventually(
    `the run ${body.id} has ended`,
    async () => {
      const { body: run } = await http('GET', `/api/catalogue/runs/${body.id}/`, { headers });
      return run.state !== 'running' && run;
    },
    130_000,
  );
}

/** Adds a product and waits until it is registered. @returns its id */
export async function registeredProduct({ http }: Deployed, headers: Headers, name: string): Promise<string> {
  const { status, body } = await http('POST', '/api/products/', { headers, body: { name, description: 'Seats six.' } });
  expect(status).toBe(201);
  await eventually(
    `${name} is registered`,
    async () => (await http('GET', `/api/registrations/${body.id}/`, { headers })).body.state === 'registered',
    60_000,
  );
  return body.id;
}

/** Waits until a registered product has offers, and gives them. */
export const offersOf = (stack: Deployed, headers: Headers, id: string) =>
  eventually(
    `${id} has offers`,
    async () => {
      await refreshed(stack, headers);
      const { results } = (await stack.http('GET', `/api/products/${id}/offers/`)).body;
      return results.length > 0 && results;
    },
    130_000,
  );
