import { setTimeout as delay } from 'node:timers/promises';
import { type Deployed, deployed } from '../support/deployed';
import { ORDER } from '../support/example-order';
import { endOne } from './end-one';

const ORDERS = '/api/v1/data/orders/';
const item = (number: number) => ({ items: [{ item_name: `item ${number}`, price: 50, quantity: 1 }] });

/** Sends until there is an answer, always with the same key: what a client does that lost its connection. */
async function place({ http }: Deployed, headers: Record<string, string>, number: number): Promise<string> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const answer = await http('POST', ORDERS, {
      body: { ...ORDER, ...item(number) },
      headers: { ...headers, 'idempotency-key': `chaos-${number}` },
    }).catch(() => undefined);
    if (answer?.status === 201) return answer.body.uuid as string;
    await delay(100);
  }
  throw new Error(`order ${number} was not taken in 50 tries`);
}

async function allOf({ http }: Deployed, headers: Record<string, string>) {
  const all: { uuid: string; status: string; sequence: number; task_id: string }[] = [];
  for (let next: string | null = `${ORDERS}?limit=200`; next; ) {
    const { body } = await http('GET', next, { headers });
    all.push(...body.results);
    next = body.next;
  }
  return all;
}

/**
 * Orders are placed at eight connections while function processes are killed at random; then all must be there once,
 * confirmed, each with one change of status. What a killed worker held comes back after its visibility timeout.
 */
export async function chaosOfOrders(emulatorPid: number, count: number): Promise<string> {
  const stack = await deployed();
  const { body: user } = await stack.http('POST', '/api/auth/registration/', {
    body: { username: `chaos-${Date.now()}`, password: 'correct horse battery' },
  });
  const headers = { authorization: `Bearer ${user.access}` };
  const started = Date.now();
  let ended = 0;
  const numbers = Array.from({ length: count }, (_, number) => number);
  const uuids = new Set<string>();
  const client = async () => {
    for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
      uuids.add(await place(stack, headers, number));
      // by progress, not by time: on a slow machine nothing would ever be up
      if (Math.random() < 0.5 && endOne(emulatorPid)) ended++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  for (const deadline = Date.now() + 10 * 60_000; ; await delay(1_000)) {
    const all = await allOf(stack, headers);
    const open = all.filter(({ status }) => status !== 'confirmed').length;
    if (all.length !== count || uuids.size !== count) throw new Error(`${all.length} orders of ${count} are stored`);
    if (!open) break;
    if (Date.now() > deadline) throw new Error(`${open} orders of ${count} are not confirmed after ten minutes`);
  }
  const all = await allOf(stack, headers);
  const wrong = all.filter(({ sequence }) => sequence !== 1);
  if (wrong.length) throw new Error(`${wrong.length} orders changed their status more than once`);
  const seconds = Math.round((Date.now() - started) / 1_000);
  return `${count} orders, ${ended} processes killed: each there once and confirmed, after ${seconds} s`;
}
