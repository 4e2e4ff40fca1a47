import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { DisableRuleCommand, EventBridgeClient, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import autocannon from 'autocannon';
import { clientConfig, deploy } from '../../bin/deployment';
import { productItem } from '../../lambdas/catalogue/products';
import { refreshPage } from '../../lambdas/catalogue/refresh';
import type { RefreshPage, RefreshRun } from '../../lambdas/catalogue/schema';
import { findWatch, newWatch, watchedOf } from '../../lambdas/catalogue/watch';
import { commit } from '../../lambdas/kernel/commit';
import { documents } from '../../lambdas/kernel/documents';
import { newId } from '../../lambdas/kernel/id';
import { table } from '../../lambdas/kernel/table';
import { deployed } from '../support/deployed';
import { freePort, startEmulator } from '../support/emulator-setup';
import { quietly, report } from './statistics';

const PAGE = 50;
/** Products that there are before the others are stored. */
const FEW = 100;
/** After this time a run is given up. */
const MOST_SECONDS = 130;

/** The physical names of the context's table and secrets, for the verbs that the bench runs in this process. */
async function nameParts(port: number): Promise<void> {
  const client = new CloudFormationClient(clientConfig(port));
  const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName: 'mercato-local' }));
  const named = (start: string, type: string): string =>
    StackResources.find(
      ({ LogicalResourceId = '', ResourceType = '' }) =>
        LogicalResourceId.startsWith(start) && ResourceType.endsWith(type),
    )?.PhysicalResourceId ?? '';
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: `http://localhost:${port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    TABLE_NAME: named('CatalogueTable', '::Table'),
    CONTEXT_SECRET_ARN: named('CatalogueSecret', '::Secret'),
    OFFERS_SECRET_ARN: named('CatalogueOffersToken', '::Secret'),
  });
}

/** No schedule runs beside what is measured. */
async function stopSchedules(port: number): Promise<void> {
  const bus = new EventBridgeClient(clientConfig(port));
  const { Rules = [] } = await bus.send(new ListRulesCommand({}));
  for (const { Name, ScheduleExpression } of Rules) {
    if (ScheduleExpression) await bus.send(new DisableRuleCommand({ Name }));
  }
}

/** Stores so many registered products as registration leaves them. @returns their ids */
async function seed(count: number): Promise<string[]> {
  const at = new Date().toISOString();
  const ids = Array.from({ length: count }, newId);
  const writes = ids.flatMap((id, number) => {
    const times = { created_at: at, updated_at: at };
    const offers = { offers_status: 'active' as const, offers_error: null, lowest_price: null };
    const text = { name: `Product ${number}`, description: 'Seats six, oiled, 180 × 90 cm.' };
    return [
      table().put(productItem({ id, owner: 'bench', ...text, ...offers, ...times, version: 1 })),
      newWatch(id, at),
    ];
  });
  for (let start = 0; start < writes.length; start += 2 * PAGE) {
    await commit({ writes: writes.slice(start, start + 2 * PAGE) });
  }
  return ids;
}

/** What a page costs in DynamoDB, counted at the client: calls and units of this process. */
async function unitsOf(work: () => Promise<void>): Promise<{ read: number; write: number }> {
  const units = { read: 0, write: 0 };
  type Output = { output?: { ConsumedCapacity?: { CapacityUnits?: number } | { CapacityUnits?: number }[] } };
  const count =
    (next: (args: { input: object }) => Promise<Output>, { commandName = '' }: { commandName?: string }) =>
    async (args: { input: object }): Promise<Output> => {
      Object.assign(args.input, { ReturnConsumedCapacity: 'TOTAL' });
      const result = await next(args);
      const used = [result.output?.ConsumedCapacity ?? []].flat();
      const sum = used.reduce((total, { CapacityUnits = 0 }) => total + CapacityUnits, 0);
      units[/^(Get|Query|BatchGet)/.test(commandName) ? 'read' : 'write'] += sum;
      return result;
    };
  documents.middlewareStack.add(count as never, { step: 'initialize', name: 'units', priority: 'low' });
  await work();
  documents.middlewareStack.remove('units');
  return units;
}

/**
 * The catalogue's figures: all products refreshed by the deployed stack against an offers service that answers after 20 ms,
 * what that reads and writes, and products browsed through the emulator.
 */
export async function catalogue(short: boolean): Promise<void> {
  const count = short ? 1_000 : 10_000;
  const servicePort = await freePort();
  const service = fork(join(__dirname, 'offers-process.ts'), [String(servicePort)], { execArgv: ['--import', 'tsx'] });
  await once(service, 'message');
  process.env['BASE_OFFER_MICROSERVICE_API'] = `http://127.0.0.1:${servicePort}`;
  const emulator = await startEmulator();
  try {
    await deploy({ port: emulator.port, outDir: emulator.dir });
    await stopSchedules(emulator.port);
    await nameParts(emulator.port);
    const { http, url, admin } = await deployed(emulator.port);
    const headers = await admin();

    // by number, not by time: on a busy machine the first functions take longer to start than a short measurement lasts
    const list = async (amount: number) => {
      const options = { url: `${url}/api/products/?limit=${PAGE}`, connections: 8, timeout: 60 };
      await autocannon({ ...options, amount: 80 });
      const { requests, duration, latency, non2xx, errors } = await autocannon({ ...options, amount });
      if (non2xx || errors) throw new Error(`${non2xx} refusals, ${errors} errors`);
      return { rate: requests.total / duration, p50: latency.p50 };
    };
    const ids = await seed(FEW);
    const few = await list(short ? 1_000 : 4_000);
    report(`GET products of ${FEW}, 8 connections`, few.rate, 'req/s', 'aim ≥ 250');
    report(`GET products of ${FEW}, 8 connections, p50`, few.p50, 'ms');
    ids.push(...(await seed(count - FEW)));

    /** A run over all products, by itself: it has ended, or is not worked on any more after two minutes. */
    const run = async (): Promise<RefreshRun> => {
      const { body: begun } = await http('POST', '/api/catalogue/runs/', { headers });
      for (const until = Date.now() + MOST_SECONDS * 1_000; ; await delay(500)) {
        const { body } = await http('GET', `/api/catalogue/runs/${begun.id}/`, { headers });
        if (body.state !== 'running' || Date.now() > until) return body;
      }
    };
    const told = (what: string, { refreshed, changed, failed, duration_seconds }: RefreshRun): void => {
      const seconds = duration_seconds ?? MOST_SECONDS;
      const outcome = `${refreshed} refreshed, ${changed} changed, ${failed} failed`;
      report(`refresh of ${count} products, ${what}`, seconds, 's', `aim ≤ 60 for 10,000; ${outcome}`);
      report(`products refreshed a second, ${what}`, refreshed / seconds, '/s', 'aim ≥ 167');
    };
    told('first prices', await run());
    const same = await run();
    told('nothing new', same);
    await fetch(`http://127.0.0.1:${servicePort}/minute`, { method: 'PUT' });
    told('prices moved', await run());

    const watches = await Promise.all(ids.slice(0, 100).map(findWatch));
    const products = watches.flatMap((watch) => (watch ? [watchedOf(watch)] : []));
    const page: RefreshPage = {
      run: same.id,
      started_at: new Date().toISOString(),
      segment: 9,
      page: 0,
      pages: 2,
      products,
    };
    const cpu = process.cpuUsage();
    const idle = await unitsOf(() => quietly(() => refreshPage(page)));
    const { user, system } = process.cpuUsage(cpu);
    report('CPU of a function a product, nothing new', (user + system) / 1_000 / products.length, 'ms');
    report('write units a hundred products, nothing new', idle.write, 'WCU');
    report('read units a hundred products, nothing new', idle.read, 'RCU', 'beside 5 of the query that finds them');
    await fetch(`http://127.0.0.1:${servicePort}/minute`, { method: 'PUT' });
    const later = { ...page, started_at: new Date().toISOString(), page: 1, pages: 3 };
    const busy = await unitsOf(() => quietly(() => refreshPage(later)));
    report('write units a hundred products, a minute later', busy.write, 'WCU', 'prices and stock of some have moved');
    const untold = 'beside 2 for each that changed: the emulator tells none of a batch';
    report('read units a hundred products, a minute later', busy.read, 'RCU', untold);

    const many = await list(short ? 1_000 : 2_000);
    report(`GET products of ${count}, 8 connections`, many.rate, 'req/s', 'MiniStack looks through all for each query');
  } finally {
    service.kill();
    await emulator.stop();
  }
}
