import { Duration, Validations } from 'aws-cdk-lib';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { alarm } from './alarm';
import type { Stage } from './stage';

export interface DeadLettersProps {
  stage: Stage;
  /** What does not happen while something lies there. */
  impact: string;
}

/** Where a way's messages end that nobody could work on; kept for 14 days, SQS's limit. */
export class DeadLetters extends Queue {
  constructor(scope: Construct, id: string, { stage, impact }: DeadLettersProps) {
    super(scope, id, { retentionPeriod: Duration.days(14), enforceSSL: !stage.local });
    Validations.of(this).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'it is the end of the way itself' });
    if (stage.alarms) {
      alarm(this, 'NotEmpty', {
        // what comes is taken to the operators' desk within a minute: seen here, or deleted here by that
        metric: new MathExpression({
          expression: 'FILL(lying, 0) + FILL(taken, 0)',
          usingMetrics: {
            lying: this.metricApproximateNumberOfMessagesVisible(),
            taken: this.metricNumberOfMessagesDeleted(),
          },
          period: Duration.minutes(1),
        }),
        threshold: 1,
        impact,
        runbook: 'dead-letters',
      });
    }
  }
}
