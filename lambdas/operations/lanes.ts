import { env, findEnv } from '../kernel/env';

/** A way of messages or records that ends in dead letters. */
export interface Lane {
  /** `Orders.Work`. */
  name: string;
  context: string;
  /** Its name in the outbox; null where nothing can be sent: a stream's. */
  role: string | null;
  /** The URL of its queue, where it has one. */
  queue: string | undefined;
  /** The URL of its dead letters, for the function that collects them. */
  deadLetters: string | undefined;
}

/** The URL of a queue that the stack gave by its name. */
function urlOf(variable: string): string | undefined {
  const name = findEnv(variable);
  return name?.includes('/') ? name : name && env('QUEUE_BASE') + name;
}

/** All lanes of the stack, as it was deployed. */
export const lanes = (): Lane[] =>
  env('LANES')
    .split(',')
    .map((entry, index) => {
      const [name = '', role = ''] = entry.split(':');
      return {
        name,
        context: name.slice(0, name.indexOf('.')).toLowerCase(),
        role: role || null,
        queue: urlOf(`QUEUE_${index}`),
        deadLetters: urlOf(`DEAD_${index}`),
      };
    });
