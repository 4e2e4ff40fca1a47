import { bus } from '../../lambdas/kernel/bus';
import { documents } from '../../lambdas/kernel/documents';
import { sqs } from '../../lambdas/kernel/queue';
import { s3 } from '../../lambdas/receipts/journal';
import { kinesis } from '../../lambdas/receipts/stream';
import { currentRun, invocations } from '../support/processes';
import { PRICES, type Unit } from './prices';

export type Usage = Record<Unit, number>;

const none = (): Usage => Object.fromEntries(Object.keys(PRICES).map((unit) => [unit, 0])) as Usage;
let usage = none();

interface Input {
  ReturnConsumedCapacity?: string;
  Statements?: { Statement: string; Parameters: string[] }[];
  Entries?: unknown[];
  Records?: { Data: Uint8Array; PartitionKey: string }[];
}
interface Output {
  ConsumedCapacity?: { CapacityUnits?: number } | { CapacityUnits?: number }[];
}
type Next = (args: { input: Input }) => Promise<{ output: Output }>;

/** The emulator says one unit for a PartiQL INSERT of any size: reckoned here, names and values in UTF-8. */
const insertUnits = ({ Statement, Parameters }: { Statement: string; Parameters: string[] }): number =>
  Math.ceil(
    ([...Statement.matchAll(/'(\w+)'/g)].reduce((sum, [, name = '']) => sum + name.length, 0) +
      Parameters.reduce((sum, value) => sum + Buffer.byteLength(String(value)), 0)) /
      1_024,
  );

const READS = /^(Get|BatchGet|Query|TransactGet)/;

const meters: [{ middlewareStack: unknown }, (command: string, input: Input, output: Output) => void][] = [
  [
    documents,
    (command, { Statements }, { ConsumedCapacity = [] }) => {
      const counted = [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
      if (READS.test(command)) usage.read_units += counted;
      else usage.write_units += Statements ? Statements.reduce((sum, one) => sum + insertUnits(one), 0) : counted;
    },
  ],
  [sqs, () => (usage.queue_requests += 1)],
  [bus, (_, { Entries = [] }) => (usage.events += Entries.length)],
  [s3, (command) => (usage.object_puts += command.startsWith('Put') ? 1 : 0)],
  [
    kinesis,
    (_, { Records = [] }) => {
      for (const { Data, PartitionKey } of Records) {
        usage.stream_kb += Math.ceil((Data.length + PartitionKey.length) / 1_024);
      }
    },
  ],
];

for (const [client, count] of meters) {
  const stack = client.middlewareStack as { add: (middleware: unknown, options: object) => void };
  const metered =
    (next: Next, { commandName = '' }: { commandName?: string }): Next =>
    async (args) => {
      if (!currentRun()) return next(args);
      if (client === documents) args.input.ReturnConsumedCapacity = 'TOTAL';
      const result = await next(args);
      count(commandName, args.input, result.output);
      return result;
    };
  stack.add(metered, { step: 'initialize', name: 'meter', priority: 'low' });
}

/** What some work uses on AWS, counted at the functions' own clients and runs. */
export async function metered(work: () => Promise<unknown>): Promise<Usage> {
  usage = none();
  const first = invocations.length;
  await work();
  for (const { part, ms, http } of invocations.slice(first)) {
    usage.invocations += 1;
    usage.gb_seconds += (part.memoryMb / 1_024) * (ms / 1_000);
    if (http) usage.api_requests += 1;
    // a batch from a queue is a request to receive it and one to delete it
    else usage.queue_requests += 2;
  }
  return usage;
}

export const dollars = (used: Usage): number =>
  Object.entries(used).reduce((sum, [unit, count]) => sum + count * PRICES[unit as Unit].each, 0);
