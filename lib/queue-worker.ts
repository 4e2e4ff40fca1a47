import { Duration } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { MAX_RECEIVES } from '../lambdas/kernel/names';
import { DeadLetters } from './dead-letters';
import { LambdaFunction, type LambdaFunctionProps } from './lambda-function';

export interface QueueWorkerProps extends LambdaFunctionProps {
  /** What does not happen while its messages fail. */
  impact: string;
  /** Its name in the outbox. */
  role: string;
  /** Messages a call at the most. @default 10 */
  batchSize?: number;
  /** Functions at once at the most; SQS allows no less than 2. @default as many as the account has */
  maxConcurrency?: number;
  /** The same on an emulator, where each is a process of this machine. @default 2 */
  localConcurrency?: number;
}

/**
 * A queue, the function that works on it and its dead letters. The function sets aside what fails `MAX_RECEIVES` times,
 * with the reason; the redrive policy takes what it could not (it died or timed out each time).
 */
export class QueueWorker extends Construct {
  readonly role: string;
  readonly queue: Queue;
  readonly deadLetters: DeadLetters;
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: QueueWorkerProps) {
    super(scope, id);
    const { stage, impact, role, batchSize = 10, localConcurrency = 2 } = props;
    this.role = role;
    const maxConcurrency = stage.local ? localConcurrency : props.maxConcurrency;
    const timeout = props.timeout ?? Duration.seconds(30);
    this.deadLetters = new DeadLetters(this, 'DeadLetters', { stage, impact });
    this.queue = new Queue(this, 'Queue', {
      // six times the function's timeout: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      visibilityTimeout: Duration.seconds(6 * timeout.toSeconds()),
      retentionPeriod: Duration.days(14),
      enforceSSL: !stage.local,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVES + 1 },
    });
    this.function = new LambdaFunction(this, 'Function', { ...props, timeout });
    this.function.addEnvironment('SOURCE_QUEUE_URL', this.queue.queueUrl);
    this.function.sendsTo('DEAD_LETTERS', this.deadLetters);
    this.function.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize,
        reportBatchItemFailures: true,
        ...(maxConcurrency && { maxConcurrency }),
      }),
    );
  }
}
