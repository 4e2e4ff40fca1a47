import { Duration } from 'aws-cdk-lib';
import { Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import { Context, type ContextProps } from './context';
import type { QueueWorker } from './queue-worker';

/** For functions that only read and write: what a dead one held comes back after a minute. */
const QUICK = Duration.seconds(10);

/**
 * Orders, the tasks that work on them and the webhooks that carry the results back.
 *
 * OrderPlaced, TaskRequested → Work → the delivery of the result, and TaskSucceeded → RecordResult. Deliver sends to this
 * shop's own API, Callback to addresses that callers chose: apart, so that a slow one holds up no order.
 */
export class Orders extends Context {
  constructor(scope: Construct, shared: ContextProps) {
    super(scope, 'orders', { ...shared, indexes: 3 });
    const { api, stage } = shared;
    this.serve('/api/v1/data', '/api/v1/consumer');

    const work = this.worker('Work', 'ORDERS_TASKS', {
      entry: 'orders/work',
      timeout: QUICK,
      impact: 'Orders stay pending: their tasks are not worked on.',
    });
    const record = this.worker('RecordResult', 'ORDERS_RESULTS', {
      entry: 'orders/record-result',
      timeout: QUICK,
      impact: "Results of tasks do not show on the producer's side.",
    });
    this.on(work, 'OrderPlaced', 'TaskRequested');
    this.on(record, 'TaskSucceeded', 'TaskFailed', 'TaskRevoked');

    const deliver = this.worker('Deliver', 'ORDERS_DELIVERIES', {
      entry: 'orders/deliver',
      impact: 'Orders stay pending: the results of their tasks are not delivered.',
      // each is a call of our own API beside those of clients: few at a time, so that they use the same warm functions
      batchSize: 3,
    });
    const callback = this.worker('Callback', 'ORDERS_CALLBACKS', {
      entry: 'orders/deliver',
      impact: 'Results of messages do not reach the addresses that their senders gave.',
      // each may wait 15 s for a slow receiver
      maxConcurrency: 20,
    });
    for (const { function: sender } of [deliver, callback]) this.secret.grantReads(sender);
    api.reachableBy(deliver.function, stage);
  }

  /** Hands the details of the context's events to a worker. */
  private on({ queue, deadLetters, node }: QueueWorker, ...events: string[]): void {
    const { bus } = this.shared;
    new Rule(this, `${node.id}Rule`, {
      eventBus: bus,
      eventPattern: { source: [`mercato.${this.name}`], detailType: events },
      targets: [
        new SqsQueue(queue, { message: RuleTargetInput.fromEventPath('$.detail'), deadLetterQueue: deadLetters }),
      ],
    });
  }
}
