import { documents } from '../../lambdas/kernel/documents';
import { s3 } from '../../lambdas/receipts/journal';
import { kinesis } from '../../lambdas/receipts/stream';

const clients = { documents, s3, kinesis };
type Name = keyof typeof clients;

// biome-ignore lint/suspicious/noExplicitAny: inputs and outputs of every command
type Any = any;

interface Stack {
  add: (
    middleware: (next: (args: Any) => Promise<Any>, context: { commandName?: string }) => (args: Any) => Promise<Any>,
    options: object,
  ) => void;
}

/** From now on, until `restore`, the platform answers a command of a client like this; `send` is the real thing. */
export function intercept(
  client: Name,
  command: string,
  answer: (input: Any, send: (input?: Any) => Promise<Any>) => Promise<Any>,
): void {
  (clients[client].middlewareStack as unknown as Stack).add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName !== command) return next(args);
        const send = async (input = args.input) => (await next({ ...args, input })).output;
        return { response: {}, output: { $metadata: {}, ...(await answer(args.input, send)) } };
      },
    { step: 'initialize', name: `intercept-${command}`, tags: ['intercept'] },
  );
}

export function restore(): void {
  for (const { middlewareStack } of Object.values(clients)) middlewareStack.removeByTag('intercept');
}

/** As the platform says that it takes nothing more at the moment. */
export const throttled = (name = 'ProvisionedThroughputExceededException'): Error =>
  Object.assign(new Error('too much'), { name });
