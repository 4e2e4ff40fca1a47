import type { SQSBatchResponse } from 'aws-lambda';
import type { Fault } from '../support/faults';
import { platform } from '../support/platform';
import { closeReceivers, ORDERS, type place, queued, read, TASKS } from './shop';

type Order = Awaited<ReturnType<typeof place>>;

/** The worker's first transactions fail, as when DynamoDB is out of order. */
export function broken(times: number): Fault {
  let left = times;
  return ({ entry, command }) => {
    if (entry !== 'orders/work' || command !== 'TransactWriteItemsCommand' || left === 0) return undefined;
    left -= 1;
    return Object.assign(new Error('no access to arn:aws:dynamodb:us-east-1:1:table/t'), {
      name: 'InternalServerError',
    });
  };
}

/** The private orders of a test, with those who place them, send messages and look after tasks. */
export async function openTasks() {
  const on = await platform('orders');
  const [owner, operator, sender] = await Promise.all([
    on.callers.user(),
    on.callers.user('operator'),
    on.callers.apiKey({ scopes: ['messages:send'] }),
  ]);

  return {
    on,
    owner,
    operator,
    sender,
    task: (order: Order) => read(on, operator, `${TASKS}${order.task_id}/`),
    timeline: (order: Order) => read(on, owner, `${ORDERS}${order.uuid}/timeline/`),

    /** Gives the worker a message the so-many-th time. @returns whether it is to come again */
    async work(message: object | string, receives = 1): Promise<boolean> {
      const result = await on.run<SQSBatchResponse>('Orders/Work/Function', queued(message, receives));
      return result.batchItemFailures.length > 0;
    },

    async close(): Promise<void> {
      closeReceivers();
      await on.close();
    },
  };
}
export type Tasks = Awaited<ReturnType<typeof openTasks>>;
