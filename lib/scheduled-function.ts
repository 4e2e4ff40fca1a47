import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { EventInvokeConfig } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { LambdaFunction, type LambdaFunctionProps } from './lambda-function';
import { nestedFor } from './nested-stack';

export interface ScheduledFunctionProps extends LambdaFunctionProps {
  schedule: Schedule;
  /** Errors within five minutes that ring the alarm. @default 3 of a schedule of a minute, 1 of a rarer one */
  alarmAt?: number;
}

const MINUTE = Schedule.rate(Duration.minutes(1)).expressionString;
/** A call that comes later than that has been overtaken. */
const maxEventAge = Duration.minutes(2);

/** A function that a rule calls. A call that is lost or fails is not repeated: the next one must find what is left to do. */
export class ScheduledFunction extends LambdaFunction {
  readonly rule: Rule;

  constructor(scope: Construct, id: string, props: ScheduledFunctionProps) {
    const { schedule, stage } = props;
    const alarmAt = schedule.expressionString === MINUTE ? 3 : 1;
    super(scope, id, { timeout: Duration.seconds(50), alarmAt, ...props });
    this.rule = new Rule(this, 'Rule', {
      schedule,
      // of the way to the function alone: what becomes of it there is the function's own setting
      targets: [new LambdaTarget(this, { retryAttempts: 1, maxEventAge })],
    });
    // emulators have no such resource
    if (stage.local) return;
    const calls = nestedFor(this, 'Calls');
    new EventInvokeConfig(calls.scope, calls.name, { function: this, retryAttempts: 0, maxEventAge });
  }
}
