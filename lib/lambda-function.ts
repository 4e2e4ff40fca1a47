import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Function as CdkFunction,
  type CfnFunction,
  Code,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { alarm } from './alarm';
import { DIST } from './bundle';
import type { Stage } from './stage';

export interface LambdaFunctionProps {
  stage: Stage;
  /** `<context>/<deed>` for `lambdas/<context>/<deed>.lambda.ts`. */
  entry: string;
  environment?: Record<string, string>;
  /** @default 10 s, the longest that a caller of the API should wait */
  timeout?: Duration;
  /** MB; CPU comes with it: a whole core at 1,769. @default 512 */
  memorySize?: number;
  /** What an operator should know when it fails. @default a sentence with the entry's name */
  impact?: string;
  /** Errors within five minutes that ring the alarm. @default 5 */
  alarmAt?: number;
}

/**
 * A function of the product: its bundle, Node.js 22 on arm64, a log group of its own that is kept as long as the stage
 * says, X-Ray, and a role that may do nothing but log until something is granted.
 */
export class LambdaFunction extends CdkFunction {
  private readonly stage: Stage;

  constructor(scope: Construct, id: string, props: LambdaFunctionProps) {
    const { stage, entry } = props;
    const bundle = join(DIST, entry);
    if (!existsSync(bundle)) throw new Error(`there is no bundle ${entry}: is there a lambdas/${entry}.lambda.ts?`);
    const logGroup = new LogGroup(scope, `${id}Logs`, {
      retention: stage.logRetention,
      removalPolicy: stage.removal,
    });
    const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    super(scope, id, {
      runtime: Runtime.NODEJS_22_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(bundle),
      role,
      logGroup,
      tracing: stage.local ? Tracing.DISABLED : Tracing.ACTIVE,
      timeout: props.timeout ?? Duration.seconds(10),
      memorySize: props.memorySize ?? 512,
      environment: {
        ...props.environment,
        STAGE: stage.name,
        NODE_OPTIONS: '--enable-source-maps=false --no-warnings',
      },
    });
    // tells tests and tools which function this is and what it runs
    const resource = this.node.defaultChild as CfnFunction;
    resource.addMetadata('mercato:entry', entry);
    resource.addMetadata('mercato:path', this.node.path);
    this.stage = stage;
    Validations.of(this).acknowledge({ id: 'AwsSolutions-L1', reason: 'Node.js 22 is what everything is measured on' });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'X-Ray takes traces, and DynamoDB lists streams, for no narrower resource',
    });
    logGroup.grantWrite(role);
    if (stage.alarms) {
      alarm(this, 'Errors', {
        metric: this.metricErrors({ period: Duration.minutes(5) }),
        threshold: props.alarmAt ?? 5,
        impact: props.impact ?? `${entry} fails again and again.`,
        runbook: 'a-function-fails',
      });
    }
  }

  /** Gives it the queue's URL as `<ROLE>_QUEUE_URL` and the right to send there. */
  sendsTo(role: string, queue: IQueue): this {
    this.addEnvironment(`${role}_QUEUE_URL`, queue.queueUrl);
    // grantSendMessages would add rights to read the queue's attributes and URL, which nothing here uses
    // on AWS the one action covers batches; MiniStack, when it enforces policies, asks for one named like the call
    const actions = this.stage.local ? ['sqs:SendMessage', 'sqs:SendMessageBatch'] : ['sqs:SendMessage'];
    this.addToRolePolicy(new PolicyStatement({ actions, resources: [queue.queueArn] }));
    return this;
  }
}
