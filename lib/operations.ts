import { Duration, Stack } from 'aws-cdk-lib';
import { EventField, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct, IConstruct } from 'constructs';
import { Context, type ContextProps } from './context';
import type { DeadLetters } from './dead-letters';
import { KinesisConsumer } from './kinesis-consumer';
import type { LambdaFunction } from './lambda-function';
import { QueueWorker } from './queue-worker';
import { ScheduledFunction } from './scheduled-function';
import { settings } from './settings';
import { StreamConsumer } from './stream-consumer';

interface Lane {
  name: string;
  worker?: QueueWorker;
  deadLetters: DeadLetters;
}

/** `Orders.Work` for `mercato-local/Orders/Work`: how operators and the function's settings call it. */
const nameOf = (construct: IConstruct): string => construct.node.path.split('/').slice(1).join('.');

/**
 * What operators see and do: lanes, dead letters, schedules, tasks over time, search. It looks after everything that is
 * in the stack when it is made, so it is made last: a new worker or schedule is in its view by itself.
 *
 * Functions have 4 KB of environment: queues go in by their names, numbered as in `LANES`.
 */
export class Operations extends Context {
  constructor(scope: Construct, shared: ContextProps) {
    // it asks other contexts, one after the other; the gateway waits for 29 s
    super(scope, 'operations', { ...shared, indexes: 2, apiTimeout: Duration.seconds(29) });
    const { api, bus, stage, timer } = shared;
    const tally = this.worker('Tally', 'OPERATIONS_EVENTS', {
      entry: 'operations/tally',
      timeout: Duration.seconds(10),
      impact: 'Tasks are not counted: their summary and the metrics stand still.',
    });
    new Rule(this, 'TaskEvents', {
      eventBus: bus,
      eventPattern: { source: ['mercato.orders'], detailType: ['TaskSucceeded', 'TaskFailed', 'TaskRevoked'] },
      targets: [
        new SqsQueue(tally.queue, {
          message: RuleTargetInput.fromEventPath('$.detail'),
          deadLetterQueue: tally.deadLetters,
        }),
      ],
    });
    const minute = new ScheduledFunction(this, 'Minute', {
      stage,
      entry: 'operations/minute',
      schedule: Schedule.rate(Duration.minutes(1)),
      impact: 'Dead letters do not come to the desk.',
    });
    this.equip(minute);
    // by itself: the names of all queues and of all rules would not fit into one environment
    const keep = new ScheduledFunction(this, 'Keep', {
      stage,
      entry: 'operations/keep',
      schedule: Schedule.rate(Duration.minutes(1)),
      impact: 'After a deployment schedules may not be as operators switched them.',
    });
    this.equip(keep);

    const lanes = this.lanes();
    const schedules = this.found(ScheduledFunction);
    const handler = this.serve('/api/ops', '/metrics');
    api.reachableBy(handler, stage);
    if (stage.sandbox) handler.addEnvironment('STAND_INS', this.standIns().join(','));
    if (stage.local) {
      // the one right to move the clock there is
      handler.addToRolePolicy(
        new PolicyStatement({ actions: ['dynamodb:PutItem'], resources: [timer.table.tableArn] }),
      );
    }
    for (const looker of [handler, minute]) this.looksAt(looker, lanes);
    this.collects(minute, lanes);
    this.putsBack(lanes);
    this.switches(handler, schedules);
    this.runs(handler, schedules);
    // its own rule would be a circle
    this.switches(
      keep,
      schedules.filter((one) => one !== keep),
    );
    for (const schedule of schedules) {
      const message = RuleTargetInput.fromObject({ schedule: nameOf(schedule), at: EventField.time });
      schedule.rule.addTarget(new SqsQueue(tally.queue, { message }));
    }
  }

  private found<T extends IConstruct>(kind: abstract new (...args: never[]) => T): T[] {
    return Stack.of(this)
      .node.findAll()
      .filter((construct): construct is T => construct instanceof kind);
  }

  private lanes(): Lane[] {
    return [
      ...this.found(QueueWorker).map((worker) => ({ name: nameOf(worker), worker, deadLetters: worker.deadLetters })),
      ...[...this.found(StreamConsumer), ...this.found(KinesisConsumer)].map((consumer) => ({
        name: nameOf(consumer),
        deadLetters: consumer.deadLetters,
      })),
    ];
  }

  /** The outside services that the sandbox plays here. */
  private standIns(): string[] {
    const { randomDataApiUrl, baseOfferMicroserviceApi, sendApiUrl } = settings();
    const set = { 'random-data': randomDataApiUrl, offers: baseOfferMicroserviceApi, send: sendApiUrl };
    return Object.entries(set).flatMap(([name, url]) => (url ? [] : [name]));
  }

  /** Lets a function know the lanes and see how full they are. */
  private looksAt(looker: LambdaFunction, lanes: Lane[]): void {
    const { region, account, urlSuffix } = Stack.of(this);
    looker.addEnvironment('LANES', lanes.map(({ name, worker }) => `${name}:${worker?.role ?? ''}`).join(','));
    looker.addEnvironment('QUEUE_BASE', `https://sqs.${region}.${urlSuffix}/${account}/`);
    lanes.forEach(({ worker }, index) => {
      if (worker) looker.addEnvironment(`QUEUE_${index}`, worker.queue.queueName);
    });
    const queues = lanes.flatMap(({ worker }) => (worker ? [worker.queue] : []));
    this.allow(looker, ['sqs:GetQueueAttributes'], queues);
  }

  /** Lets a function take dead letters away to the desk. */
  private collects(collector: LambdaFunction, lanes: Lane[]): void {
    lanes.forEach(({ deadLetters }, index) => {
      collector.addEnvironment(`DEAD_${index}`, deadLetters.queueName);
    });
    const actions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage'];
    // MiniStack, when it enforces policies, asks for a right named like the call
    if (this.shared.stage.local) actions.push('sqs:DeleteMessageBatch');
    this.allow(
      collector,
      actions,
      lanes.map(({ deadLetters }) => deadLetters),
    );
  }

  /** Lets the relay send what is put back to every lane. */
  private putsBack(lanes: Lane[]): void {
    for (const { worker } of lanes) {
      if (worker && worker.role !== 'OPERATIONS_EVENTS') this.relay.sendsTo(worker.role, worker.queue);
    }
  }

  /** Lets a function see and switch the rules of schedules. */
  private switches(handler: LambdaFunction, schedules: ScheduledFunction[]): void {
    handler.addEnvironment('SCHEDULES', schedules.map(nameOf).join(','));
    schedules.forEach(({ rule }, index) => {
      handler.addEnvironment(`RULE_${index}`, rule.ruleName);
    });
    this.sees(handler, schedules, ['events:DescribeRule', 'events:EnableRule', 'events:DisableRule']);
  }

  /** Rights to the rules of schedules. MiniStack, when it enforces policies, names rules otherwise than AWS. */
  private sees(handler: LambdaFunction, schedules: ScheduledFunction[], actions: string[]): void {
    const resources = this.shared.stage.local ? ['*'] : schedules.map(({ rule }) => rule.ruleArn);
    handler.addToRolePolicy(new PolicyStatement({ actions, resources }));
  }

  /** Lets a function call what schedules call. */
  private runs(handler: LambdaFunction, schedules: ScheduledFunction[]): void {
    const resources = schedules.map(({ functionArn }) => functionArn);
    handler.addToRolePolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources }));
    this.sees(handler, schedules, ['events:ListTargetsByRule']);
  }

  private allow(handler: LambdaFunction, actions: string[], queues: IQueue[]): void {
    handler.addToRolePolicy(new PolicyStatement({ actions, resources: queues.map(({ queueArn }) => queueArn) }));
  }
}
