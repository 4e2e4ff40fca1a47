import { isDeepStrictEqual } from 'node:util';
import { bus } from '../../lambdas/kernel/bus';
import { CLOCK_KEY } from '../../lambdas/kernel/clock';
import { documents } from '../../lambdas/kernel/documents';
import { sqs } from '../../lambdas/kernel/queue';
import { secrets } from '../../lambdas/kernel/secret';
import { s3 } from '../../lambdas/receipts/journal';
import { kinesis } from '../../lambdas/receipts/stream';
import { currentRun, ProcessEnded } from './processes';

/** Decides at each call to AWS that a function makes, by its place among those of the same function's entry point. */
export type Fault = (call: {
  entry: string;
  number: number;
  command: string;
  input: unknown;
}) => 'before' | 'after' | 'twice' | Error | undefined;

let fault: Fault | undefined;
let counts = new Map<string, number>();

/** Every call made since the last `setFault`, in order: what there is to end a process at. */
export let calls: { entry: string; command: string }[] = [];

/**
 * From now on: `before` ends the process before the call is sent, `after` when its effect is done; `twice` sends it again, as
 * the SDK does when the answer was lost; an error is thrown once.
 */
export function setFault(next: Fault | undefined): void {
  fault = next;
  counts = new Map();
  calls = [];
}

type Args = { input: { Key?: unknown } };
type Next = (args: Args) => Promise<unknown>;

const endable =
  (next: Next, context: { commandName?: string }): Next =>
  async (args) => {
    const run = currentRun();
    if (!run) return next(args);
    if (run.dead) throw new ProcessEnded(run.part.entry);
    // read when a second has passed, not where a story is: no call of a test's count
    if (isDeepStrictEqual(args.input.Key, CLOCK_KEY)) return next(args);
    const { entry } = run.part;
    const number = (counts.get(entry) ?? 0) + 1;
    counts.set(entry, number);
    const command = context.commandName ?? '';
    calls.push({ entry, command });
    const what = fault?.({ entry, number, command, input: args.input });
    if (what instanceof Error) throw what;
    if (what === 'before') {
      run.dead = true;
      throw new ProcessEnded(entry);
    }
    if (what === 'twice') await next(args);
    const result = await next(args);
    if (what === 'after') {
      run.dead = true;
      throw new ProcessEnded(entry);
    }
    return result;
  };

type Stack = { add: (middleware: typeof endable, options: object) => void };

for (const { middlewareStack } of [documents, sqs, bus, secrets, kinesis, s3]) {
  (middlewareStack as unknown as Stack).add(endable, { step: 'initialize', name: 'faults', priority: 'high' });
}
