import * as z from 'zod';
import type { Handler } from '../kernel/http';
import { log } from '../kernel/log';
import type { Operations } from './contract';
import { countOf, countUpTo } from './histogram';
import { deadCounts } from './letters';
import { type Family, openMetrics, type Sample } from './openmetrics';
import { type Asker, read } from './own-api';
import { depths } from './queues';
import { lastRuns } from './schedules';
import { readCounts, type SpanCounts, sumOf } from './task-counts';

/** Bounds of the histograms, in seconds. */
const BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300];

const byLabel = (label: string, counts: Record<string, number>, suffix = ''): Sample[] =>
  Object.entries(counts).map(([name, value]) => ({ suffix, labels: { [label]: name }, value }));

function histogram(bins: SpanCounts['runtime'], milliseconds: number): Sample[] {
  const count = countOf(bins);
  return [
    ...BOUNDS.map((le) => ({
      suffix: '_bucket',
      labels: { le: Number.isInteger(le) ? `${le}.0` : String(le) },
      value: countUpTo(bins, le),
    })),
    { suffix: '_bucket', labels: { le: '+Inf' }, value: count },
    { suffix: '_count', value: count },
    { suffix: '_sum', value: milliseconds / 1_000 },
  ];
}

async function ofTasks(): Promise<Family[]> {
  const { ended, runtime, wait, ran, waited } = sumOf(await readCounts('all', 'all'));
  const samples = ended.map(({ state, name, count }) => ({
    suffix: '_total',
    labels: { state, name },
    value: count,
  }));
  return [
    { name: 'mercato_tasks', type: 'counter', help: 'Tasks that ended, by the state they ended in.', samples },
    {
      name: 'mercato_task_runtime_seconds',
      type: 'histogram',
      unit: 'seconds',
      help: 'How long the last attempt of tasks took.',
      samples: histogram(runtime, ran),
    },
    {
      name: 'mercato_task_wait_seconds',
      type: 'histogram',
      unit: 'seconds',
      help: 'How long tasks waited from being asked for to their last attempt.',
      samples: histogram(wait, waited),
    },
  ];
}

async function ofLanes(): Promise<Family[]> {
  const [found, dead, runs] = await Promise.all([depths(), deadCounts(), lastRuns()]);
  const kinds = ['waiting', 'in_flight', 'delayed'] as const;
  return [
    {
      name: 'mercato_queue_messages',
      type: 'gauge',
      help: 'Messages in a lane: waiting, in flight, delayed.',
      samples: found.flatMap(({ lane, ...depth }) =>
        kinds.map((kind) => ({ labels: { lane: lane.name, kind }, value: depth[kind] })),
      ),
    },
    {
      name: 'mercato_dead_letters',
      type: 'gauge',
      help: 'Dead letters of a lane that nobody has put back or thrown away.',
      samples: byLabel('lane', dead),
    },
    {
      name: 'mercato_schedule_last_run_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When a schedule ran last.',
      samples: Object.entries(runs).map(([schedule, at]) => ({
        labels: { schedule },
        value: Date.parse(at) / 1_000,
      })),
    },
  ];
}

const Unfinished = z.object({
  orders: z.record(z.string(), z.int()),
  tasks: z.record(z.string(), z.int()),
  deliveries: z.record(z.string(), z.int()),
});

async function ofOrders(asker: Asker): Promise<Family[]> {
  const { orders, tasks, deliveries } = await read(asker, '/api/v1/consumer/counts/', Unfinished);
  const capped = 'Counted to a thousand each.';
  return [
    {
      name: 'mercato_orders_unfinished',
      type: 'gauge',
      help: `Orders that are not confirmed or cancelled. ${capped}`,
      samples: byLabel('status', orders),
    },
    {
      name: 'mercato_tasks_unfinished',
      type: 'gauge',
      help: `Tasks that have not succeeded. ${capped}`,
      samples: byLabel('state', tasks),
    },
    {
      name: 'mercato_deliveries_unfinished',
      type: 'gauge',
      help: `Webhook deliveries that did not arrive. ${capped}`,
      samples: byLabel('status', deliveries),
    },
  ];
}

const Sending = z.object({
  messages: z.object({ processing: z.int(), sent: z.int(), error: z.int(), expired: z.int() }),
  service: z.object({ failures: z.int(), open_until: z.string().nullable() }),
});

async function ofMailings(asker: Asker): Promise<Family[]> {
  const { messages, service } = await read(asker, '/api/mailings/counts/', Sending);
  return [
    {
      name: 'mercato_mailing_messages',
      type: 'gauge',
      help: 'Messages of mailings, by status.',
      samples: byLabel('status', messages),
    },
    {
      name: 'mercato_send_service_failures',
      type: 'gauge',
      help: 'Failures of the send service since it last answered well.',
      samples: [{ value: service.failures }],
    },
  ];
}

const Receipts = z.record(z.string(), z.int());

async function ofReceipts(asker: Asker): Promise<Family[]> {
  const { announced = 0, ...outcomes } = await read(asker, '/api/analytics/counts/', Receipts);
  return [
    {
      name: 'mercato_receipts_accepted',
      type: 'counter',
      help: 'Receipts that their senders were told to be accepted.',
      samples: [{ suffix: '_total', value: announced }],
    },
    {
      name: 'mercato_receipts',
      type: 'counter',
      help: 'Receipts by what became of them.',
      samples: byLabel('outcome', outcomes, '_total'),
    },
  ];
}

const SOURCES: Record<string, (asker: Asker) => Promise<Family[]>> = {
  tasks: ofTasks,
  lanes: ofLanes,
  orders: ofOrders,
  mailings: ofMailings,
  receipts: ofReceipts,
};

/**
 * Everything that is counted. A source that does not answer leaves its families out, and says so in
 * `mercato_scrape_success`. Reads counters alone: its cost does not grow with what is stored.
 */
export const getMetrics: Handler<Operations['getMetrics']> = async (call) => {
  const success: Sample[] = [];
  const asked = Object.entries(SOURCES).map(async ([source, families]) => {
    const found = await families(call).catch((error: unknown) => {
      log('warn', 'a source of metrics did not answer', { source, error });
      return undefined;
    });
    success.push({ labels: { source }, value: found ? 1 : 0 });
    return found ?? [];
  });
  const families = (await Promise.all(asked)).flat();
  const help = 'Whether a source of these metrics answered.';
  const ordered = success.sort((a, b) => ((a.labels?.['source'] ?? '') < (b.labels?.['source'] ?? '') ? -1 : 1));
  return openMetrics([...families, { name: 'mercato_scrape_success', type: 'gauge', help, samples: ordered }]);
};
