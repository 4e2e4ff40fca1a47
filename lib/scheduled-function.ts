import { Duration } from 'aws-cdk-lib';
import { Rule, type Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import { LambdaFunction, type LambdaFunctionProps } from './lambda-function';

export interface ScheduledFunctionProps extends LambdaFunctionProps {
  schedule: Schedule;
}

/** A function that a rule calls. A call that is lost is not repeated: the next one must find what is left to do. */
export class ScheduledFunction extends LambdaFunction {
  readonly rule: Rule;

  constructor(scope: Construct, id: string, props: ScheduledFunctionProps) {
    super(scope, id, { timeout: Duration.seconds(50), ...props });
    this.rule = new Rule(this, 'Rule', {
      schedule: props.schedule,
      targets: [new LambdaTarget(this, { retryAttempts: 1, maxEventAge: Duration.minutes(2) })],
    });
  }
}
