import { type CfnElement, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { Context, type ContextProps } from './context';
import { KinesisConsumer } from './kinesis-consumer';
import type { LambdaFunction } from './lambda-function';
import { ScheduledFunction } from './scheduled-function';

/** Shards of a stream on an emulator, where there is no capacity on demand. */
const LOCAL_SHARDS = 2;

/** Receipts: taken into a stream, journaled, counted exactly once, closed by the hour. */
export class Receipts extends Context {
  private readonly journal: Bucket;

  constructor(scope: Construct, shared: ContextProps) {
    super(scope, 'receipts', { ...shared, indexes: 1 });
    const { stage } = shared;
    const stream = new Stream(this, 'Stream', {
      ...(stage.local
        ? { streamMode: StreamMode.PROVISIONED, shardCount: LOCAL_SHARDS, encryption: StreamEncryption.UNENCRYPTED }
        : {
            streamMode: StreamMode.ON_DEMAND,
            retentionPeriod: Duration.days(7),
            encryption: StreamEncryption.MANAGED,
          }),
      removalPolicy: stage.removal,
    });
    this.journal = new Bucket(this, 'Journal', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: !stage.local,
      removalPolicy: stage.removal,
    });
    Validations.of(this.journal).acknowledge({ id: 'AwsSolutions-S1', reason: 'only functions read and write it' });

    const api = this.serve('/api/checks', '/api/add_checks', '/api/places', '/api/analytics');
    api.addEnvironment('STREAM_NAME', stream.streamName);
    this.journals(api);
    this.allow(api, ['kinesis:PutRecords', 'kinesis:ListShards', 'kinesis:GetShardIterator'], stream.streamArn);
    // MiniStack does not see of which stream an iterator is
    this.allow(api, ['kinesis:GetRecords'], stage.local ? '*' : stream.streamArn);

    const count = new KinesisConsumer(this, 'Count', {
      stage,
      stream,
      entry: 'receipts/count',
      memorySize: 1_024,
      impact: 'Receipts are stored in the stream but not counted: analytics lag behind.',
    }).function;
    this.equip(count);
    this.journals(count);
    this.allow(count, ['dynamodb:PartiQLInsert'], this.table.tableArn);
    // MiniStack asks for the name of the call; on AWS there is no such right
    if (stage.local) this.allow(count, ['dynamodb:BatchExecuteStatement'], '*');

    const close = new ScheduledFunction(this, 'Close', {
      stage,
      entry: 'receipts/close',
      // a minute after the hour, when its last receipts are counted as a rule; later ones open it again
      schedule: Schedule.cron({ minute: '1' }),
      timeout: Duration.minutes(5),
      memorySize: 1_024,
      impact:
        'Past hours are not checked against their receipts, and long periods are read from hours instead of days.',
    });
    this.equip(close);
    this.journals(close);

    const asked = this.worker('CloseAsked', 'RECEIPTS_CLOSINGS', {
      entry: 'receipts/close-asked',
      timeout: Duration.minutes(5),
      memorySize: 1_024,
      batchSize: 1,
      maxConcurrency: 2,
      impact: 'Closings that operators ask for do not happen.',
    }).function;
    this.journals(asked);
  }

  /** The right to append to the journal and to read it; never to delete. */
  private journals(handler: LambdaFunction): void {
    handler.addEnvironment('JOURNAL_BUCKET', this.journal.bucketName);
    this.allow(handler, ['s3:GetObject', 's3:PutObject'], this.journal.arnForObjects('*'));
    const id = Stack.of(this).getLogicalId(this.journal.node.defaultChild as CfnElement);
    if (handler.role)
      Validations.of(handler.role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::<${id}.Arn>/*]`,
        reason: 'the journal is all that is in its bucket',
      });
  }

  private allow(handler: LambdaFunction, actions: string[], resource: string): void {
    handler.addToRolePolicy(new PolicyStatement({ actions, resources: [resource] }));
  }
}
