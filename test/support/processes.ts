import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import type { FunctionPart } from './template';

/** One run of a function in this process: its own environment, and a life that can be ended at any of its calls. */
export interface Run {
  part: FunctionPart;
  environment: Record<string, string>;
  dead: boolean;
}

const runs = new AsyncLocalStorage<Run>();

/** The function that the current code runs in, if any. */
export const currentRun = (): Run | undefined => runs.getStore();

/** Thrown in place of a result when the run was ended: as if the process had been killed there. */
export class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded';
}

// functions read their settings from process.env: each run sees its own
process.env = new Proxy(process.env, {
  get: (target, name: string) => runs.getStore()?.environment[name] ?? target[name],
  // what Node.js sets itself is no property that a proxy may define
  set: (target, name: string, value: string) => {
    target[name] = value;
    return true;
  },
});

/** Every run so far: of what, how long, and whether an HTTP request was its event. */
export const invocations: { part: FunctionPart; ms: number; http: boolean }[] = [];

const handlers = new Map<string, (event: unknown, context: Context) => Promise<unknown>>();

async function handlerOf(entry: string) {
  const known = handlers.get(entry);
  if (known) return known;
  const module = (await import(`../../lambdas/${entry}.lambda`)) as { handler: never };
  handlers.set(entry, module.handler);
  return module.handler as (event: unknown, context: Context) => Promise<unknown>;
}

/** Runs an entry point in this process with a real event. @throws ProcessEnded when the run was ended on its way */
export async function invoke<T>(part: FunctionPart, event: unknown, extra: Record<string, string> = {}): Promise<T> {
  const run: Run = { part, environment: { ...part.environment, STRICT_REPLIES: '1', ...extra }, dead: false };
  const until = Date.now() + part.timeoutSeconds * 1_000;
  const context = { getRemainingTimeInMillis: () => until - Date.now(), awsRequestId: 'test' } as Context;
  const http = typeof event === 'object' && event !== null && 'httpMethod' in event;
  const started = performance.now();
  return runs.run(run, async () => {
    const handler = await handlerOf(part.entry);
    try {
      const result = (await handler(event, context)) as T;
      if (run.dead) throw new ProcessEnded(part.entry);
      return result;
    } catch (error) {
      if (run.dead) throw new ProcessEnded(part.entry);
      throw error;
    } finally {
      invocations.push({ part, ms: performance.now() - started, http });
    }
  });
}

/** Waits until a condition holds, looking again every few milliseconds. @throws after the time given */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  withinMs = 10_000,
): Promise<T> {
  for (const until = Date.now() + withinMs; ; ) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error(`did not come true within ${withinMs} ms: ${what}`);
    await delay(20);
  }
}
