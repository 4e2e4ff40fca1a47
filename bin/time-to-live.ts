import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CloudFormationClient,
  type CloudFormationClientConfig,
  DescribeStackResourceCommand,
} from '@aws-sdk/client-cloudformation';
import { DescribeTimeToLiveCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';

interface Template {
  Resources: Record<string, { Properties?: { TimeToLiveSpecification?: { AttributeName: string; Enabled: boolean } } }>;
}

/**
 * Turns on the tables' time to live as the template declares it: MiniStack drops it from CloudFormation. Does nothing
 * to a table that has it already.
 */
export async function enableTimeToLive(
  config: CloudFormationClientConfig & { region: string },
  stack: string,
  assembly: string,
): Promise<void> {
  const template = JSON.parse(readFileSync(join(assembly, `${stack}.template.json`), 'utf8')) as Template;
  const formation = new CloudFormationClient(config);
  const dynamo = new DynamoDBClient(config);
  for (const [LogicalResourceId, { Properties }] of Object.entries(template.Resources)) {
    const declared = Properties?.TimeToLiveSpecification;
    if (!declared?.Enabled) continue;
    const { StackResourceDetail } = await formation.send(
      new DescribeStackResourceCommand({ StackName: stack, LogicalResourceId }),
    );
    const TableName = StackResourceDetail?.PhysicalResourceId;
    const { TimeToLiveDescription } = await dynamo.send(new DescribeTimeToLiveCommand({ TableName }));
    if (TimeToLiveDescription?.TimeToLiveStatus === 'ENABLED') continue;
    await dynamo.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: declared }));
  }
}
