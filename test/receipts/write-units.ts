import { documents } from '../../lambdas/kernel/documents';

const WRITES = /^(Put|Update|Delete|TransactWrite)/;

interface Capacity {
  CapacityUnits?: number;
}

/** An INSERT's size as DynamoDB counts it: names and values in UTF-8. */
const sizeOf = ({ Statement, Parameters }: { Statement: string; Parameters: string[] }): number =>
  [...Statement.matchAll(/'(\w+)'/g)].reduce((sum, [, name = '']) => sum + name.length, 0) +
  Parameters.reduce((sum, value) => sum + Buffer.byteLength(value), 0);

/**
 * DynamoDB's write units of all that some work writes. Of PartiQL's INSERTs they are reckoned by size, a unit per started
 * KB: the emulator says 1 for any size.
 */
export async function writeUnits(work: () => Promise<unknown>): Promise<number> {
  let units = 0;
  documents.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const input = args.input as { Statements?: { Statement: string; Parameters: string[] }[] };
        for (const statement of input.Statements ?? []) units += Math.ceil(sizeOf(statement) / 1_024);
        if (!WRITES.test(commandName)) return next(args);
        const result = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } as never });
        const { ConsumedCapacity = [] } = result.output as { ConsumedCapacity?: Capacity | Capacity[] };
        for (const { CapacityUnits = 0 } of [ConsumedCapacity].flat()) units += CapacityUnits;
        return result;
      },
    { step: 'initialize', name: 'units' },
  );
  try {
    await work();
    return units;
  } finally {
    documents.middlewareStack.remove('units');
  }
}
