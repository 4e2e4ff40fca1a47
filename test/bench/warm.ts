import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import * as z from 'zod';
import { contract } from '../../lambdas/kernel/contract';
import { httpApi } from '../../lambdas/kernel/http';
import { Currency, Money, UnitPrice } from '../../lambdas/kernel/money';
import { Line } from '../../lambdas/kernel/schema';
import { ORDER } from '../support/example-order';
import { proxyEvent } from '../support/gateway';
import { median, quietly, report } from './statistics';

const Body = z.object({
  address: Line(200),
  phone_number: Line(20),
  total_paid: Money,
  currency: Currency,
  items: z.array(z.object({ item_name: Line(100), price: UnitPrice, quantity: z.int().positive() })).max(200),
});

const Contract = contract({
  echo: {
    method: 'POST',
    path: '/api/echo/',
    summary: 'echo',
    access: 'public',
    body: Body,
    status: 200,
    returns: Body,
  },
});

const validated = httpApi(Contract, { echo: async ({ body }) => body });

/** What a function without any framework would do: parse, answer, one log line. */
async function bare(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> {
  const body = JSON.parse(event.body ?? 'null') as unknown;
  process.stdout.write(`${JSON.stringify({ level: 'info', path: event.path, status: 200 })}\n`);
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

const event = proxyEvent({
  method: 'POST',
  path: '/api/echo/',
  headers: { 'Content-Type': 'application/json', Host: 'localhost', 'User-Agent': 'bench', Accept: '*/*' },
  body: JSON.stringify(ORDER),
});

const ROUNDS = 40;
const CALLS = 500;

async function microseconds(handler: (event: APIGatewayProxyEvent, context: Context) => Promise<unknown>) {
  const started = process.hrtime.bigint();
  for (let call = 0; call < CALLS; call++) await handler(event, {} as Context);
  return Number(process.hrtime.bigint() - started) / 1_000 / CALLS;
}

/** What one validated request costs in a warm function beyond a bare handler: both in turn, in one run. */
export async function warm(): Promise<void> {
  const differences: number[] = [];
  const bares: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [without, both] = await quietly(async () => [
      await microseconds(bare),
      await microseconds(validated as never),
    ]);
    const beyond = both - without;
    if (round < ROUNDS / 4) continue;
    bares.push(without);
    differences.push(beyond);
  }
  report('warm: a bare handler', median(bares), 'µs');
  report('warm: the validated request beyond it', median(differences), 'µs', 'aim ≤ 35');
}

if (require.main === module) void warm();
