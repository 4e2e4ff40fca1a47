import { Duration } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ContextTable } from './context-table';
import type { LambdaFunction } from './lambda-function';
import { ScheduledFunction } from './scheduled-function';
import type { Stage } from './stage';

/** The kernel's timer: a table of what is due, and the tick that each minute moves what comes due to its queue. */
export class Timer extends Construct {
  readonly table: ContextTable;
  private readonly tick: ScheduledFunction;

  constructor(scope: Construct, id: string, { stage }: { stage: Stage }) {
    super(scope, id);
    this.table = new ContextTable(this, 'Table', { stage });
    this.tick = new ScheduledFunction(this, 'Tick', {
      stage,
      entry: 'kernel/tick',
      schedule: Schedule.rate(Duration.minutes(1)),
      environment: { TIMERS_TABLE: this.table.tableName },
      impact: 'Nothing that is due later than two minutes ahead happens: webhook retries, mailings.',
    });
    this.table.grantReads(this.tick);
    this.tick.addToRolePolicy(
      new PolicyStatement({
        actions: ['dynamodb:BatchWriteItem', 'dynamodb:DeleteItem'],
        resources: [this.table.tableArn],
      }),
    );
    this.followClock(this.tick, stage);
  }

  /** Lets messages for a queue wait here; `role` is the queue's name in the outbox. */
  target(role: string, queue: IQueue): void {
    this.tick.sendsTo(role, queue);
  }

  /** Makes a function follow the clock, where the stage allows to move it. */
  followClock(follower: LambdaFunction, stage: Stage): void {
    if (!stage.local) return;
    follower.addEnvironment('CLOCK_TABLE', this.table.tableName);
    follower.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:GetItem'], resources: [this.table.tableArn] }));
  }
}
