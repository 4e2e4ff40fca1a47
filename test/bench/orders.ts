import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { type Deployed, deployed } from '../support/deployed';
import { ORDER } from '../support/example-order';
import { processTree } from '../support/process-tree';
import { median, quantile, report } from './statistics';

const PATH = '/api/v1/data/orders/';
const TICKS_PER_SECOND = 100;

/** CPU seconds so far: of the emulator alone, and of it and the functions that it runs. */
function cpuSeconds(emulator: number): { emulator: number; all: number } {
  const tree = processTree(emulator);
  const seconds = (processes: typeof tree) => processes.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
  return { emulator: seconds(tree.filter(({ pid }) => pid === emulator)), all: seconds(tree) };
}

async function ordersPerSecond(
  { url }: Deployed,
  headers: Record<string, string>,
  connections: number,
  seconds: number,
) {
  const result = await autocannon({
    url: url + PATH,
    method: 'POST',
    connections,
    duration: seconds,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(ORDER),
  });
  if (result.non2xx || result.errors) throw new Error(`${result.non2xx} refusals, ${result.errors} errors`);
  return result;
}

async function secondsToConfirmed({ http }: Deployed, headers: Record<string, string>): Promise<number> {
  const started = performance.now();
  const { body: order } = await http('POST', PATH, { body: ORDER, headers });
  for (;;) {
    const { body } = await http('GET', `${PATH}${order.uuid}/`, { headers });
    if (body.status === 'confirmed') return performance.now() - started;
    if (performance.now() - started > 30_000) throw new Error(`order ${order.uuid} is ${body.status} after 30 s`);
    await delay(5);
  }
}

/** Orders a second, time from order to confirmed, CPU an order; through the emulator, which is most of the time. */
export async function orders(emulatorPid: number, short: boolean): Promise<void> {
  const stack = await deployed();
  const { body: user } = await stack.http('POST', '/api/auth/registration/', {
    body: { username: `bench-${Date.now()}`, password: 'a long bench password' },
  });
  const headers = { authorization: `Bearer ${user.access}` };
  const times: number[] = [];
  // a function's code is compiled well after some hundred calls of each of its processes
  await ordersPerSecond(stack, headers, 8, short ? 2 : 20);
  // what the warm-up left in the queues would be measured with the first orders
  await secondsToConfirmed(stack, headers);
  for (let order = 0; order < (short ? 10 : 50); order++) times.push(await secondsToConfirmed(stack, headers));
  report('order → confirmed, idle, p50', median(times), 'ms', 'aim ≤ 150');
  report('order → confirmed, idle, p95', quantile(times, 0.95), 'ms');
  const seconds = short ? 3 : 10;
  const before = cpuSeconds(emulatorPid);
  let count = 0;
  for (const connections of [1, 8]) {
    const { requests, latency } = await ordersPerSecond(stack, headers, connections, seconds);
    count += requests.total;
    report(
      `POST order, ${connections} connection${connections > 1 ? 's' : ''}`,
      requests.average,
      'orders/s',
      connections === 8 ? 'aim ≥ 130' : '',
    );
    report(`POST order, ${connections} connection${connections > 1 ? 's' : ''}, p95`, latency.p97_5, 'ms (p97.5)');
  }
  await secondsToConfirmed(stack, headers);
  const after = cpuSeconds(emulatorPid);
  report('CPU an order, its whole chain', ((after.all - before.all) * 1_000) / count, 'ms');
  report('CPU an order, of it the emulator itself', ((after.emulator - before.emulator) * 1_000) / count, 'ms');
}
