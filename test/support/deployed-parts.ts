import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, type SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { clientConfig } from '../../bin/deployment';
import { endpointOf } from '../../bin/port';
import { CLOCK_KEY } from '../../lambdas/kernel/clock';

/** The deployed stack from behind: its clock, and its functions without waiting for their schedules. */
export async function deployedParts(port: number) {
  const stacks = new CloudFormationClient(clientConfig(port));
  const { StackResources = [] } = await stacks.send(new DescribeStackResourcesCommand({ StackName: 'mercato-local' }));
  const physical = (logical: RegExp, type: string): string => {
    const found = StackResources.find(
      ({ LogicalResourceId = '', ResourceType }) => ResourceType === type && logical.test(LogicalResourceId),
    );
    if (!found?.PhysicalResourceId) throw new Error(`there is no ${type} ${logical} in the deployed stack`);
    return found.PhysicalResourceId;
  };
  const documents = DynamoDBDocumentClient.from(new DynamoDBClient(clientConfig(port)));

  return {
    documents,

    /** The name of a table by its construct's path without slashes, e.g. `OrdersTable`. */
    table: (id: string): string => physical(new RegExp(`^${id}[0-9A-F]{8}$`), 'AWS::DynamoDB::Table'),

    /** Calls a function by its construct's path without slashes, e.g. `TimerTick`. */
    async invoke(id: string, event: object = {}): Promise<unknown> {
      const name = physical(new RegExp(`^${id}[0-9A-F]{8}$`), 'AWS::Lambda::Function');
      const address = `${endpointOf(port)}/2015-03-31/functions/${name}/invocations`;
      const response = await fetch(address, { method: 'POST', body: JSON.stringify(event) });
      return response.json();
    },

    /** Sends a text to a queue by its construct's path without slashes, e.g. `OrdersWorkQueue`. */
    async send(
      id: string,
      MessageBody: string,
      MessageAttributes?: SendMessageCommandInput['MessageAttributes'],
    ): Promise<void> {
      const QueueUrl = physical(new RegExp(`^${id}[0-9A-F]{8}$`), 'AWS::SQS::Queue');
      const sqs = new SQSClient({ ...clientConfig(port), useQueueUrlAsEndpoint: false });
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }));
    },

    /** Moves the product's clock to a time; the functions follow it within a second. */
    async setClock(at: string | Date): Promise<void> {
      const Item = { ...CLOCK_KEY, offset_ms: new Date(at).getTime() - Date.now() };
      const TableName = physical(/^TimerTable/, 'AWS::DynamoDB::Table');
      await documents.send(new PutCommand({ TableName, Item }));
    },
  };
}
