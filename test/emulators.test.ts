import { readFileSync } from 'node:fs';

interface Template {
  // biome-ignore lint/suspicious/noExplicitAny: properties are of every shape
  Resources: Record<string, { Type: string; Properties: any; DeletionPolicy?: string }>;
}

const { Resources }: Template = JSON.parse(readFileSync(process.env['MERCATO_TEST_TEMPLATE'] ?? '', 'utf8'));
const all = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
const propertiesOf = (type: string) => all(type).map(({ Properties }) => Properties);

/**
 * What both emulators really make: LocalStack 4.14.0's community edition (its own resource providers, without those that it
 * only pretends to have or that never work) and MiniStack 1.5.33. Another type breaks one of them: it needs a way without.
 */
const ON_EMULATORS = new Set(
  `ApiGateway::Deployment ApiGateway::Method ApiGateway::Resource ApiGateway::RestApi ApiGateway::Stage CloudWatch::Alarm
  DynamoDB::Table Events::EventBus Events::Rule IAM::Policy IAM::Role KMS::Alias KMS::Key Kinesis::Stream
  Lambda::EventSourceMapping Lambda::Function Lambda::Permission Logs::LogGroup S3::Bucket S3::BucketPolicy
  SNS::Subscription SNS::Topic SNS::TopicPolicy SQS::Queue SQS::QueuePolicy SSM::Parameter SecretsManager::Secret`
    .split(/\s+/)
    .map((type) => `AWS::${type}`),
);

test('the local stage holds only what both emulators have', () => {
  const types = new Set(Object.values(Resources).map(({ Type }) => Type));
  expect([...types].filter((type) => !ON_EMULATORS.has(type))).toEqual([]);
  for (const { Layers, VpcConfig, SnapStart, Code } of propertiesOf('AWS::Lambda::Function')) {
    expect([Layers, VpcConfig, SnapStart, Code.ImageUri]).toEqual([undefined, undefined, undefined, undefined]);
  }
  for (const { ScheduleExpression = 'rate(1 minute)' } of propertiesOf('AWS::Events::Rule')) {
    expect(ScheduleExpression).toMatch(/^(rate|cron)\(/);
  }
  // an emulator's redeployment of a changed API takes the stage away unless the old deployment stays
  expect(all('AWS::ApiGateway::Deployment').map(({ DeletionPolicy }) => DeletionPolicy)).toEqual(['Retain']);
  // LocalStack wants three characters
  const indexes = propertiesOf('AWS::DynamoDB::Table').flatMap(
    ({ GlobalSecondaryIndexes = [] }) => GlobalSecondaryIndexes,
  );
  for (const { IndexName } of indexes) expect(IndexName.length).toBeGreaterThanOrEqual(3);
});
