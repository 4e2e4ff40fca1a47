import { randomBytes } from 'node:crypto';
import type { Deployed } from '../support/deployed';
import { ORDER } from '../support/example-order';
import { eventually } from '../support/processes';

export const ORDERS = '/api/v1/data/orders/';

/** Registers a user of its own. @returns its headers */
export async function newUser({ http }: Deployed): Promise<Record<string, string>> {
  const body = { username: `user-${randomBytes(6).toString('hex')}`, password: 'correct horse battery' };
  const { status, body: answer } = await http('POST', '/api/auth/registration/', { body });
  expect(status).toBe(201);
  return { authorization: `Bearer ${answer.access}` };
}

export const placeOrder = ({ http }: Deployed, headers: Record<string, string>) =>
  http('POST', ORDERS, { body: ORDER, headers });

/** Waits for an order's confirmation; emulators take their time for a first call. */
export const confirmed = ({ http }: Deployed, headers: Record<string, string>, uuid: string) =>
  eventually(
    `order ${uuid} is confirmed`,
    async () => (await http('GET', `${ORDERS}${uuid}/`, { headers })).body.status === 'confirmed',
    60_000,
  );
