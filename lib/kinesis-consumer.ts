import { Duration } from 'aws-cdk-lib';
import type { Stream } from 'aws-cdk-lib/aws-kinesis';
import { StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { KinesisEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { lagAlarm } from './alarm';
import { DeadLetters } from './dead-letters';
import { LambdaFunction, type LambdaFunctionProps } from './lambda-function';

export interface KinesisConsumerProps extends LambdaFunctionProps {
  stream: Stream;
  impact: string;
  /** Records of one shard a call at the most. @default 500 */
  batchSize?: number;
  /** How long a batch may wait to fill: fewer, fuller batches cost less. @default 1 s */
  window?: Duration;
}

/**
 * A function on a Kinesis stream, from its very beginning, so that nothing is missed that came before it or while it was
 * off. One batch of a shard at a time, in order: a parallelization factor above 1 would break every checkpoint by shard.
 * The handler sets bad records aside itself and throws for passing trouble only; bisecting, the retry limit and the
 * on-failure queue stand behind it (emulators ignore them).
 */
export class KinesisConsumer extends Construct {
  readonly deadLetters: DeadLetters;
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: KinesisConsumerProps) {
    super(scope, id);
    const { stage, stream, impact, batchSize = 500, window = Duration.seconds(1) } = props;
    this.deadLetters = new DeadLetters(this, 'DeadLetters', { stage, impact });
    this.function = new LambdaFunction(this, 'Function', { timeout: Duration.seconds(60), ...props });
    this.function.addEventSource(
      new KinesisEventSource(stream, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize,
        maxBatchingWindow: window,
        parallelizationFactor: 1,
        bisectBatchOnError: true,
        // Lambda's highest: trouble lasts as long as the stream keeps its records before one is given up
        retryAttempts: 10_000,
        onFailure: new SqsDlq(this.deadLetters),
      }),
    );
    if (stage.alarms) lagAlarm(this.function, impact);
  }
}
