import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { type Deployed, deployed } from '../support/deployed';
import { quantile, report } from './statistics';

const SHOPS = 20;
const CONNECTIONS = 8;

let number = 0;
function receipt() {
  number++;
  return {
    transaction_id: randomUUID(),
    timestamp: new Date().toISOString(),
    items: ['food', 'books'].map((category) => ({ product_id: randomUUID(), quantity: 1, price: '20.00', category })),
    total_amount: '40.00',
    nds_amount: '6.67',
    tips_amount: '3.00',
    payment_method: 'cash',
    place_id: `bench-${number % SHOPS}`,
    place_name: 'Market Square 1',
  };
}

async function accept({ url }: Deployed, headers: Record<string, string>, size: number, seconds: number) {
  const body = () => JSON.stringify(size === 1 ? receipt() : Array.from({ length: size }, receipt));
  const result = await autocannon({
    url: `${url}/api/checks/`,
    connections: CONNECTIONS,
    duration: seconds,
    requests: [
      {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        setupRequest: (request) => ({ ...request, body: body() }),
      },
    ],
  });
  if (result.non2xx || result.errors) throw new Error(`${result.non2xx} refusals, ${result.errors} errors`);
  return (result.requests.total * size) / result.duration;
}

interface Books {
  counted: number;
  waiting: number;
}

async function booksOf({ http }: Deployed, headers: Record<string, string>): Promise<Books> {
  return (await http('GET', '/api/analytics/books/', { headers })).body;
}

const LONGEST_MS = 120_000;

/** How long one receipt takes from its sending until it is counted: its place, its own, shows it. */
async function lagOf(stack: Deployed, headers: Record<string, string>): Promise<number> {
  const body = { ...receipt(), place_id: randomUUID() };
  const started = performance.now();
  await stack.http('POST', '/api/checks/', { body, headers });
  const path = `/api/analytics/${body.place_id}/?interval=hour`;
  for (let shown = false; !shown; ) {
    const { body: answer } = await stack.http('GET', path, { headers });
    shown = answer.total_purchases === 1;
    if (!shown && performance.now() - started > LONGEST_MS)
      throw new Error('a receipt is not counted after two minutes');
    if (!shown) await delay(10);
  }
  return performance.now() - started;
}

/** Waits until nothing waits. @returns the books then, or after two minutes */
async function settled(stack: Deployed, headers: Record<string, string>): Promise<Books> {
  const until = performance.now() + LONGEST_MS;
  for (;;) {
    const books = await booksOf(stack, headers);
    if (!books.waiting || performance.now() > until) return books;
    await delay(100);
  }
}

/** Receipts a second accepted and counted, the lag between, and how fast analytics answer. */
export async function receipts(short: boolean): Promise<void> {
  const stack = await deployed();
  const headers = await stack.admin();
  await accept(stack, headers, 1, 1);
  const lags: number[] = [];
  for (let one = 0; one < (short ? 10 : 40); one++) lags.push(await lagOf(stack, headers));
  report('receipt → counted, idle, p95', quantile(lags, 0.95), 'ms');
  const seconds = short ? 3 : 10;
  for (const [size, aim] of [
    [1, 'aim ≥ 150'],
    [100, 'aim ≥ 3000'],
  ] as const) {
    const before = await booksOf(stack, headers);
    const started = performance.now();
    const rate = await accept(stack, headers, size, seconds);
    const books = await settled(stack, headers);
    const took = (performance.now() - started) / 1_000;
    report(`receipts accepted, ${size} a call, ${CONNECTIONS} connections`, rate, 'receipts/s', aim);
    report(
      '… and counted, from the first sent to the last counted',
      (books.counted - before.counted) / took,
      'receipts/s',
    );
    if (books.waiting) report('… still waiting after two minutes', books.waiting, 'receipts');
  }
  const times: number[] = [];
  for (let call = 0; call < 20; call++) {
    const started = performance.now();
    await stack.http('GET', '/api/analytics/?interval=hour', { headers });
    times.push(performance.now() - started);
  }
  report(`analytics over ${(await booksOf(stack, headers)).counted} receipts, p95`, quantile(times, 0.95), 'ms');
  execFileSync(process.execPath, ['--import', 'tsx', join(__dirname, 'receipts-storage.ts')], {
    stdio: 'inherit',
    env: { ...process.env, MERCATO_TEST_PORT: String(stack.port) },
  });
}
