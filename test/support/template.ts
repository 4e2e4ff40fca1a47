import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';

type Properties = Record<string, unknown>;
interface Resource {
  Type: string;
  Properties?: Properties;
  Metadata?: Record<string, string>;
}
interface Template {
  Resources: Record<string, Resource>;
}

/** What stands without functions: state, queues, the bus and its rules. */
const PARTS = new Set([
  'AWS::DynamoDB::Table',
  'AWS::SQS::Queue',
  'AWS::Events::EventBus',
  'AWS::Events::Rule',
  'AWS::SecretsManager::Secret',
  'AWS::Kinesis::Stream',
  'AWS::S3::Bucket',
]);

export interface FunctionPart {
  /** `orders/api`. */
  entry: string;
  /** The construct's path below the stack: `Orders/Api`. */
  path: string;
  environment: Record<string, string>;
  timeoutSeconds: number;
  memoryMb: number;
}

export interface Source {
  function: FunctionPart;
  kind: 'queue' | 'stream' | 'kinesis';
  /** Queue URL, table name or stream name. */
  name: string;
  batchSize: number;
}

export interface Parts {
  functions: FunctionPart[];
  sources: Source[];
  remove: () => Promise<void>;
}

const logicalId = (value: unknown): string => {
  const { Ref, 'Fn::GetAtt': attribute } = (value ?? {}) as { Ref?: string; 'Fn::GetAtt'?: string[] };
  return Ref ?? attribute?.[0] ?? '';
};

function keep(template: Template, suffix: string): Template {
  const kept = Object.entries(template.Resources).filter(([, { Type }]) => PARTS.has(Type));
  const Resources = structuredClone(Object.fromEntries(kept));
  for (const { Type, Properties = {} } of Object.values(Resources)) {
    if (Type === 'AWS::Events::EventBus') Properties['Name'] = `mercato-${suffix}`;
    // nothing runs by the clock here: schedules are there to be looked at and switched
    if (Properties['ScheduleExpression']) delete Properties['Targets'];
  }
  return { Resources };
}

const client = new CloudFormationClient({});

async function create(name: string, template: Template): Promise<Map<string, string>> {
  await client.send(new CreateStackCommand({ StackName: name, TemplateBody: JSON.stringify(template) }));
  for (let attempt = 0; attempt < 200; attempt++) {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    const status = Stacks?.[0]?.StackStatus ?? '';
    if (status === 'CREATE_COMPLETE') break;
    if (/FAILED|ROLLBACK/.test(status)) throw new Error(`${name}: ${status} ${Stacks?.[0]?.StackStatusReason}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName: name }));
  return new Map(StackResources.map((one) => [one.LogicalResourceId ?? '', one.PhysicalResourceId ?? '']));
}

/** Makes a private copy of the synthesised stack's parts on the test emulator, and says what runs on them. */
export async function createParts(): Promise<Parts> {
  const file = process.env['MERCATO_TEST_TEMPLATE'];
  if (!file) throw new Error('MERCATO_TEST_TEMPLATE is not set: run the tests by npm test');
  const template = JSON.parse(readFileSync(file, 'utf8')) as Template;
  const suffix = randomBytes(4).toString('hex');
  const name = `mercato-${suffix}`;
  const physical = await create(name, keep(template, suffix));

  const functions = new Map<string, FunctionPart>();
  for (const [id, { Type, Properties = {}, Metadata = {} }] of Object.entries(template.Resources)) {
    if (Type !== 'AWS::Lambda::Function' || !Metadata['mercato:entry']) continue;
    const variables = (Properties['Environment'] as { Variables?: Record<string, unknown> })?.Variables ?? {};
    const environment = Object.fromEntries(
      Object.entries(variables).flatMap(([variable, value]) => {
        if (variable === 'NODE_OPTIONS') return [];
        const text = typeof value === 'string' ? value : physical.get(logicalId(value));
        return text === undefined ? [] : [[variable, text] as const];
      }),
    );
    const path = (Metadata['mercato:path'] ?? '').replace(/^[^/]+\//, '');
    functions.set(id, {
      entry: Metadata['mercato:entry'],
      path,
      environment,
      timeoutSeconds: Number(Properties['Timeout']),
      memoryMb: Number(Properties['MemorySize']),
    });
  }

  const sources: Source[] = [];
  for (const { Type, Properties = {} } of Object.values(template.Resources)) {
    const owner = functions.get(logicalId(Properties['FunctionName']));
    if (Type !== 'AWS::Lambda::EventSourceMapping' || !owner) continue;
    const id = logicalId(Properties['EventSourceArn']);
    const type = template.Resources[id]?.Type ?? '';
    sources.push({
      function: owner,
      kind: type.endsWith('Queue') ? 'queue' : type.endsWith('Table') ? 'stream' : 'kinesis',
      name: physical.get(id) ?? '',
      batchSize: Number(Properties['BatchSize'] ?? 10),
    });
  }
  const remove = async () => {
    await client.send(new DeleteStackCommand({ StackName: name }));
  };
  return { functions: [...functions.values()], sources, remove };
}
