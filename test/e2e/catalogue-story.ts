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
async function registeredProduct({ http }: Deployed, headers: Headers, name: string): Promise<string> {
  const { status, body } = await http('POST', '/api/products/', { headers, body: { name, description: 'Seats six.' } });
  expect(status).toBe(201);
  await eventually(
    `${name} is registered`,
    async () => (await http('GET', `/api/registrations/${body.id}/`, { headers })).body.state === 'registered',
    60_000,
  );
  return body.id;
}

/** Adds products until one is met that some seller has: the stand-in has some that nobody sells. @returns it and its offers */
export async function productWithOffers(stack: Deployed, headers: Headers, name: string) {
  for (let tries = 0; tries < 5; tries++) {
    const id = await registeredProduct(stack, headers, name);
    await refreshed(stack, headers);
    const { results: offers } = (await stack.http('GET', `/api/products/${id}/offers/`)).body;
    if (offers.length) return { id, offers };
  }
  throw new Error(`nobody sells ${name}`);
}
