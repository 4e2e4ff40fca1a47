import { Duration } from 'aws-cdk-lib';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { type FilterCriteria, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { lagAlarm } from './alarm';
import { DeadLetters } from './dead-letters';
import { LambdaFunction, type LambdaFunctionProps } from './lambda-function';

export interface StreamConsumerProps extends LambdaFunctionProps {
  table: Table;
  impact: string;
  /** Which records are worth a call. @default all */
  filter?: ReturnType<typeof FilterCriteria.filter>;
  /** @default 100 */
  batchSize?: number;
}

/**
 * A function on a table's stream, from its very beginning, so that nothing written during a deployment is missed. The
 * handler sets bad records aside itself and throws for passing trouble only; bisecting, the retry limit and the
 * on-failure queue stand behind it (emulators ignore them).
 */
export class StreamConsumer extends Construct {
  readonly deadLetters: DeadLetters;
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: StreamConsumerProps) {
    super(scope, id);
    const { stage, table, impact, filter, batchSize = 100 } = props;
    this.deadLetters = new DeadLetters(this, 'DeadLetters', { stage, impact });
    this.function = new LambdaFunction(this, 'Function', { timeout: Duration.seconds(30), ...props });
    this.function.sendsTo('DEAD_LETTERS', this.deadLetters);
    this.function.addEventSource(
      // the library's own types do not hold under exactOptionalPropertyTypes
      new DynamoEventSource(table as ITable, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize,
        bisectBatchOnError: true,
        // Lambda's highest: trouble lasts the stream's 24 hours before what is stored stays unsent
        retryAttempts: 10_000,
        onFailure: new SqsDlq(this.deadLetters),
        ...(filter && { filters: [filter] }),
      }),
    );
    if (stage.alarms) lagAlarm(this.function, impact);
  }
}
