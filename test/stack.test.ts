import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Assemblies,
  LARGEST,
  type Resource,
  SECRETS,
  STAGES,
  type StageName,
  synthesiseStages,
} from './support/assemblies';

const runbook = readFileSync(join(__dirname, '../docs/runbook.md'), 'utf8');

let { directory, template, nested, findings, missing } = {} as Assemblies;
beforeAll(() => {
  ({ directory, template, nested, findings, missing } = synthesiseStages());
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true }));

const all = (stage: StageName, type: string): [string, Resource][] =>
  Object.entries(template[stage].Resources).filter(([, { Type }]) => Type === type);
const nestedOf = (stage: StageName, type: string) =>
  nested[stage].filter(({ Type }) => Type === type).map(({ Properties }) => Properties);
const propertiesOf = (stage: StageName, type: string) => all(stage, type).map(([, { Properties }]) => Properties);

describe.each(STAGES)('stage %s', (stage) => {
  test('is made without looking anything up in an account', () => {
    expect(missing[stage]).toBeUndefined();
  });

  test('every function has logs of its own that end, a bound in time and memory, and a role of its own', () => {
    const functions = propertiesOf(stage, 'AWS::Lambda::Function');
    expect(functions.length).toBeGreaterThan(5);
    const groups = functions.map(({ LoggingConfig }) => LoggingConfig.LogGroup.Ref);
    expect(new Set(groups).size).toBe(functions.length);
    for (const group of groups) expect(template[stage].Resources[group]?.Properties.RetentionInDays).toBeGreaterThan(0);
    expect(new Set(functions.map(({ Role }) => JSON.stringify(Role))).size).toBe(functions.length);
    // closing an hour alone may take its time, by the schedule or when asked for
    expect(functions.filter(({ Timeout }) => Timeout > 60).length).toBeLessThanOrEqual(2);
    for (const { Timeout, MemorySize, Runtime, Architectures } of functions) {
      expect(Timeout).toBeLessThanOrEqual(300);
      expect(MemorySize).toBeLessThanOrEqual(1_024);
      expect([Runtime, Architectures]).toEqual(['nodejs22.x', ['arm64']]);
    }
  });

  test("every function's settings fit into its environment, long names of resources included", () => {
    // 4 KB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; a name is 64 characters at most, of which
    // a stack's name and a construct's path leave few
    const sizeOf = (value: unknown): number => (typeof value === 'string' ? value.length : 64);
    for (const { Environment } of propertiesOf(stage, 'AWS::Lambda::Function')) {
      const variables = Object.entries(Environment?.Variables ?? {});
      expect(variables.reduce((sum, [name, value]) => sum + name.length + sizeOf(value), 0)).toBeLessThan(4_096);
    }
  });

  test('every queue that is worked on has dead letters, and longer patience than its function', () => {
    const queues = all(stage, 'AWS::SQS::Queue');
    const isDeadLetters = (id: string) => JSON.stringify(propertiesOf(stage, 'AWS::SQS::Queue')).includes(`"${id}"`);
    const sources = propertiesOf(stage, 'AWS::Lambda::EventSourceMapping');
    const destinations = JSON.stringify(sources.map(({ DestinationConfig }) => DestinationConfig ?? null));
    for (const [id, { Properties }] of queues) {
      expect(Properties.MessageRetentionPeriod).toBe(14 * 24 * 3_600);
      if (isDeadLetters(id) || destinations.includes(`"${id}"`)) continue;
      expect(Properties.RedrivePolicy.maxReceiveCount).toBe(6);
      const source = sources.find(({ EventSourceArn }) => EventSourceArn['Fn::GetAtt']?.[0] === id);
      const worker = template[stage].Resources[source?.FunctionName.Ref]?.Properties;
      expect(Properties.VisibilityTimeout).toBeGreaterThanOrEqual(6 * worker.Timeout);
      expect(source.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
    }
  });

  test('every stream is read from its beginning, has an end for poison, and bounded retries', () => {
    const streams = propertiesOf(stage, 'AWS::Lambda::EventSourceMapping').filter(
      ({ StartingPosition }) => StartingPosition,
    );
    expect(streams.length).toBeGreaterThan(0);
    for (const stream of streams) {
      expect(stream).toMatchObject({ StartingPosition: 'TRIM_HORIZON', BisectBatchOnFunctionError: true });
      expect(stream.MaximumRetryAttempts).toBe(10_000);
      expect(stream.DestinationConfig.OnFailure.Destination).toBeDefined();
    }
  });

  test('no function may scan, may do everything somewhere, or something everywhere', () => {
    const statements = propertiesOf(stage, 'AWS::IAM::Policy').flatMap(
      ({ PolicyDocument }) => PolicyDocument.Statement,
    );
    expect(statements.length).toBeGreaterThan(10);
    for (const { Action, Resource } of statements) {
      const actions = [Action].flat();
      expect(actions.filter((action) => /\*|Scan|:(CreateTable|DeleteTable|Purge)/.test(action))).toEqual([]);
      // these have no narrower resource, the latter for an emulator's policies alone
      const emulated =
        /^ses:VerifyEmailIdentity$|^kinesis:GetRecords$|^dynamodb:BatchExecuteStatement$|^events:(DescribeRule|EnableRule|DisableRule|ListTargetsByRule)$/;
      const unbound = actions.every(
        (action) => /^xray:Put|^dynamodb:ListStreams$/.test(action) || (stage === 'local' && emulated.test(action)),
      );
      const objects = actions.every((action) => /^s3:(Get|Put)Object$/.test(action));
      const everywhere = JSON.stringify(Resource)
        .replace(objects ? '/*' : ' ', '')
        .includes('*');
      expect([actions, everywhere && !unbound]).toEqual([actions, false]);
    }
    expect(all(stage, 'AWS::IAM::ManagedPolicy')).toEqual([]);
    for (const { ManagedPolicyArns } of propertiesOf(stage, 'AWS::IAM::Role'))
      expect(ManagedPolicyArns).toBeUndefined();
  });

  test('no secret, password or address of an account stands in the template', () => {
    const text = JSON.stringify(template[stage]);
    expect(text).not.toMatch(/AKIA|BEGIN [A-Z ]*PRIVATE KEY|\b\d{12}\b(?<!000000000000)/);
    for (const { GenerateSecretString, SecretString } of propertiesOf(stage, 'AWS::SecretsManager::Secret')) {
      expect([Boolean(GenerateSecretString), SecretString]).toEqual([true, undefined]);
    }
  });

  test('settings that are secret are in nothing that is deployed; outputs say which secrets they go to', () => {
    const files = readdirSync(join(directory, stage), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.json'))) {
      const text = readFileSync(join(directory, stage, file), 'utf8');
      expect([file, Object.values(SECRETS).filter((secret) => text.includes(secret))]).toEqual([file, []]);
    }
    const { OffersRefreshTokenSettingArn, SendApiTokenSettingArn } = template[stage].Outputs;
    for (const output of [OffersRefreshTokenSettingArn, SendApiTokenSettingArn]) {
      const [secret = ''] = (output as { Value: { 'Fn::GetAtt': string[] } }).Value['Fn::GetAtt'];
      expect(template[stage].Resources[secret]?.Type).toBe('AWS::SecretsManager::Secret');
    }
  });

  test('nothing needs a custom resource', () => {
    const types = Object.values(template[stage].Resources).map(({ Type }) => Type);
    expect(types.filter((type) => /^Custom::|CustomResource$/.test(type))).toEqual([]);
  });

  test('the credentials of the API are checked in the functions: the gateway only passes on', () => {
    const methods = propertiesOf(stage, 'AWS::ApiGateway::Method');
    expect(methods.length).toBeGreaterThan(5);
    for (const { AuthorizationType, HttpMethod } of methods)
      expect([AuthorizationType, HttpMethod]).toEqual(['NONE', 'ANY']);
  });

  test('its outputs name the API and the secret of the first admin', () => {
    expect(Object.keys(template[stage].Outputs)).toEqual(
      expect.arrayContaining(['ApiId', 'ApiStage', 'ApiUrl', 'AdminSecretArn']),
    );
  });
});

/** Tables and secrets hold what cannot be made again; log groups what explains what happened. */
const STATEFUL = ['AWS::DynamoDB::Table', 'AWS::SecretsManager::Secret', 'AWS::Logs::LogGroup'];

test('prod keeps its tables, secrets and logs whatever becomes of the stack, and protects and backs up its tables', () => {
  for (const [id, { DeletionPolicy }] of STATEFUL.flatMap((type) => all('prod', type))) {
    expect([id, DeletionPolicy]).toEqual([id, 'Retain']);
  }
  for (const table of propertiesOf('prod', 'AWS::DynamoDB::Table')) {
    expect(table).toMatchObject({
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
    });
  }
});

test('local and dev leave nothing behind', () => {
  for (const stage of ['local', 'dev'] as const) {
    const kept = STATEFUL.flatMap((type) => all(stage, type)).filter(
      ([, { DeletionPolicy }]) => DeletionPolicy !== 'Delete',
    );
    expect(kept.map(([id]) => id)).toEqual([]);
  }
});

test('away from emulators queues take TLS only, calls are traced, and alarms name the runbook', () => {
  for (const stage of ['dev', 'prod'] as const) {
    expect(all(stage, 'AWS::SQS::QueuePolicy').length).toBeGreaterThanOrEqual(all(stage, 'AWS::SQS::Queue').length);
    for (const { TracingConfig } of propertiesOf(stage, 'AWS::Lambda::Function'))
      expect(TracingConfig.Mode).toBe('Active');
    // where an account has no role for it, a stage with access logs cannot be made
    expect(propertiesOf(stage, 'AWS::ApiGateway::Stage')[0].AccessLogSetting).toBeUndefined();
    const alarms = nestedOf(stage, 'AWS::CloudWatch::Alarm');
    expect(alarms.length).toBeGreaterThan(10);
    for (const { AlarmDescription } of alarms) {
      const [, paragraph = ''] = /^\S.+\. Runbook: docs\/runbook\.md#([a-z-]+)$/.exec(AlarmDescription) ?? [];
      expect(runbook).toContain(
        `\n## ${paragraph.charAt(0).toUpperCase()}${paragraph.slice(1).replaceAll('-', ' ')}\n`,
      );
    }
  }
});

test('away from emulators a stream that lags rings, and a schedule that fails: a rare one the first time', () => {
  for (const stage of ['dev', 'prod'] as const) {
    const alarms = nestedOf(stage, 'AWS::CloudWatch::Alarm');
    const lagging = alarms.filter(({ MetricName }) => MetricName === 'IteratorAge');
    const streams = propertiesOf(stage, 'AWS::Lambda::EventSourceMapping').filter((one) => one.StartingPosition);
    expect(lagging).toHaveLength(streams.length);
    for (const alarm of lagging) expect(alarm).toMatchObject({ Statistic: 'Maximum', Period: 300, Threshold: 900_000 });
    const thresholdOf = (start: string) =>
      alarms.find((one) => one.MetricName === 'Errors' && one.AlarmDescription.startsWith(start))?.Threshold;
    const impacts = ['Past hours are not checked', 'Dead letters do not come', 'orders/api fails'];
    expect(impacts.map(thresholdOf)).toEqual([1, 3, 5]);
  }
});

test('away from emulators a call of a schedule that fails is not repeated: the next one is', () => {
  for (const stage of ['dev', 'prod'] as const) {
    const schedules = propertiesOf(stage, 'AWS::Events::Rule').filter((rule) => rule.ScheduleExpression);
    const calls = nestedOf(stage, 'AWS::Lambda::EventInvokeConfig');
    expect(
      calls.map(({ MaximumRetryAttempts, MaximumEventAgeInSeconds }) => [
        MaximumRetryAttempts,
        MaximumEventAgeInSeconds,
      ]),
    ).toEqual(schedules.map(() => [0, 120]));
  }
});

test('of the table of identity other contexts read keys alone, and change nothing but when one was last used', () => {
  const [table] = all('prod', 'AWS::DynamoDB::Table').find(([id]) => id.startsWith('IdentityTable')) ?? [];
  for (const [id, { Properties }] of all('prod', 'AWS::IAM::Policy').filter(([name]) => !name.startsWith('Identity'))) {
    for (const { Action, Resource, Condition } of Properties.PolicyDocument.Statement) {
      if (!JSON.stringify(Resource).includes(`"${table}"`)) continue;
      const partitions = Condition?.['ForAllValues:StringLike']['dynamodb:LeadingKeys'];
      const attributes = Condition?.['ForAllValues:StringEquals']?.['dynamodb:Attributes'];
      expect([id, Action, partitions]).toEqual([id, expect.anything(), ['SIGNING_KEYS', 'API_KEY#*']]);
      if (Action !== 'dynamodb:GetItem')
        expect([Action, attributes]).toEqual(['dynamodb:UpdateItem', ['pk', 'sk', 'last_used_at']]);
    }
  }
});

test("away from emulators the gateway's own answers are problems as all others are, and say when to come back", () => {
  for (const stage of ['dev', 'prod'] as const) {
    const answers = propertiesOf(stage, 'AWS::ApiGateway::GatewayResponse');
    const types = answers.map(({ ResponseType }) => ResponseType);
    expect(types).toEqual(expect.arrayContaining(['DEFAULT_4XX', 'DEFAULT_5XX', 'THROTTLED', 'REQUEST_TOO_LARGE']));
    for (const { ResponseType, StatusCode, ResponseParameters, ResponseTemplates } of answers) {
      expect(Object.keys(ResponseTemplates)).toEqual(['application/problem+json']);
      const filled = ResponseTemplates['application/problem+json']
        .replace('$context.error.messageString', '"so it is"')
        .replace('$context.requestId', 'r1');
      const problem = {
        type: 'about:blank',
        title: expect.stringMatching(/^[A-Z]/),
        detail: 'so it is',
        request_id: 'r1',
      };
      expect(JSON.parse(filled)).toEqual({ ...problem, ...(StatusCode && { status: Number(StatusCode) }) });
      if (ResponseType === 'THROTTLED') {
        expect(ResponseParameters).toEqual({ 'gatewayresponse.header.Retry-After': "'1'" });
      }
    }
  }
});

test('CloudFormation takes each stack, with room for more: 500 resources, 200 parameters', () => {
  for (const stage of [...STAGES, ...LARGEST]) {
    const files = readdirSync(join(directory, stage)).filter((file) => file.endsWith('.template.json'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const { Resources, Parameters = {} } = JSON.parse(readFileSync(join(directory, stage, file), 'utf8'));
      expect([file, Object.keys(Resources).length < 480, Object.keys(Parameters).length < 180]).toEqual([
        file,
        true,
        true,
      ]);
    }
  }
});

test('only a local stage has a clock that can be moved', () => {
  const movable = (stage: StageName) => JSON.stringify(template[stage]).includes('CLOCK_TABLE');
  expect(STAGES.map(movable)).toEqual([true, false, false]);
});

test.each(['dev', 'prod'] as const)('cdk-nag finds nothing in %s that is not explained beside it', (stage) => {
  expect(findings[stage]).toEqual([]);
});

test('an unknown stage is refused by a sentence', () => {
  expect(readFileSync(join(directory, 'production.error'), 'utf8')).toBe(
    'unknown stage production, expected one of local, dev, prod',
  );
});
