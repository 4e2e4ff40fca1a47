import { randomUUID } from 'node:crypto';
import { BatchWriteCommand, GetCommand } from '@aws-sdk/lib-dynamodb';
import setup from '../support/emulator-setup';
import teardown from '../support/emulator-teardown';
import { ORDER } from '../support/example-order';
import '../support/setup';
import { median, report } from './statistics';

const FEW = 100;
const LIMIT = 50;
const CALLS = 10;
/** As far as a page is looked for by going there: each step is a call, and the emulator's time. */
const DEEPEST = 2_000;
const BATCH = 25;
const AT_ONCE = 4;

interface Figures {
  queries: number;
  items: number;
  /** Milliseconds of this process. */
  cpu: number;
  ms: number;
}

/**
 * What a list reads of a hundred orders and of very many, with the functions in this process: its first page, filtered ones,
 * and one behind many. The items are copies of an order, written to the table itself. Time is told beside it: the emulator
 * looks through all of a partition for each query, as DynamoDB does not.
 */
async function main(many: number): Promise<void> {
  await setup();
  // the functions' clients take their address when they are loaded
  const [{ platform }, { documents }, { newId, shardOf }, { inParallel }, shop] = await Promise.all([
    import('../support/platform'),
    import('../../lambdas/kernel/documents'),
    import('../../lambdas/kernel/id'),
    import('../../lambdas/kernel/parallel'),
    import('../orders/shop'),
  ]);
  const p = await platform('orders');
  const operator = await p.callers.user('operator');
  const { uuid } = (await p.api('POST', shop.ORDERS, { body: ORDER }, await p.callers.user())).body;
  const TableName = p.named('Orders/Api').environment['TABLE_NAME'] ?? '';
  const { Item } = await documents.send(new GetCommand({ TableName, Key: { pk: `ORDER#${uuid}`, sk: 'ORDER' } }));
  const users = Array.from({ length: 2 }, () => randomUUID());

  const copy = (number: number): Record<string, unknown> => {
    const id = newId();
    const user = users[number % users.length];
    const status = number % 2 ? 'confirmed' : 'cancelled';
    const own = JSON.parse(JSON.stringify(Item).replaceAll(uuid, id)) as Record<string, unknown>;
    const indexes = { gsi1pk: `USER#${user}`, gsi2pk: shardOf('ORDERS', id), gsi3pk: shardOf(`ORDERS#${status}`, id) };
    return { ...own, ...indexes, user, status };
  };
  let stored = 0;
  const fillTo = async (count: number): Promise<void> => {
    const items = Array.from({ length: count - stored }, (_, index) => copy(stored + index));
    const batches = Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
      items.slice(index * BATCH, (index + 1) * BATCH),
    );
    await inParallel(AT_ONCE, batches, async (batch) => {
      const RequestItems = { [TableName]: batch.map((one) => ({ PutRequest: { Item: one } })) };
      const { UnprocessedItems = {} } = await documents.send(new BatchWriteCommand({ RequestItems }));
      if (Object.keys(UnprocessedItems).length) throw new Error('the emulator did not take all items');
    });
    stored = count;
  };
  const page = async (path: string) => {
    const { status, body } = await p.api('GET', path, {}, operator);
    if (status !== 200) throw new Error(`${path}: ${status}`);
    return body as { results: unknown[]; next: string | null };
  };
  /** The path of the page behind so many orders. */
  const behind = async (count: number): Promise<string> => {
    let path = `${shop.ORDERS}?limit=${Math.min(200, count)}`;
    for (let seen = 0; seen < count; ) {
      const { results, next } = await page(path);
      seen += results.length;
      path = next ?? path;
    }
    return path.replace(/limit=\d+/, `limit=${LIMIT}`);
  };
  const counted = { queries: 0, items: 0 };
  documents.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        if (commandName === 'QueryCommand') {
          counted.queries++;
          counted.items += (answer.output as { Items?: unknown[] }).Items?.length ?? 0;
        }
        return answer;
      },
    { step: 'initialize', name: 'counted' },
  );
  const measure = async (path: string): Promise<Figures> => {
    await page(path);
    const times: number[] = [];
    Object.assign(counted, { queries: 0, items: 0 });
    const cpu = process.cpuUsage();
    for (let call = 0; call < CALLS; call++) {
      const started = performance.now();
      await page(path);
      times.push(performance.now() - started);
    }
    const { user, system } = process.cpuUsage(cpu);
    return {
      queries: counted.queries / CALLS,
      items: counted.items / CALLS,
      cpu: (user + system) / 1_000 / CALLS,
      ms: median(times),
    };
  };
  const measureAll = async (count: number) => {
    await fillTo(count);
    return {
      'first page': await measure(`${shop.ORDERS}?limit=${LIMIT}`),
      'of a status': await measure(`${shop.ORDERS}?limit=${LIMIT}&status=confirmed`),
      'of a user': await measure(`${shop.ORDERS}?limit=${LIMIT}&user=${users[0]}`),
      'far behind': await measure(await behind(Math.min(count / 2, DEEPEST))),
    };
  };
  try {
    const [few, lots] = [await measureAll(FEW), await measureAll(many)];
    for (const [name, { items, queries, cpu, ms }] of Object.entries(lots)) {
      const before = few[name as keyof typeof few];
      report(`${name}: items read of ${many} orders (of ${FEW}: ${before.items})`, items, 'items');
      report(`… in calls of DynamoDB (${before.queries})`, queries, 'calls');
      report(`… own CPU (${before.cpu.toFixed(1)} ms)`, cpu, 'ms');
      report(`… the emulator's among it, median (${before.ms.toFixed(1)} ms)`, ms, 'ms');
    }
  } finally {
    await p.close();
    await teardown();
  }
}

main(Number(process.argv[2])).then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`  ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
