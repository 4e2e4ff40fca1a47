import { setTimeout as delay } from 'node:timers/promises';
import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { adminLogin, clientConfig, findDeployment } from '../../bin/deployment';
import { CLOCK_KEY } from '../../lambdas/kernel/clock';

export interface HttpAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are of every shape
  body: any;
}

/** The deployed stack that the end-to-end tests talk to, over HTTP alone. */
export async function deployed(port = Number(process.env['MERCATO_E2E_PORT'])) {
  const deployment = await findDeployment(port);
  if (!deployment) throw new Error(`nothing is deployed on port ${port}`);
  const { url } = deployment;

  const http = async (
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer> => {
    const send = () =>
      fetch(url + path, {
        method,
        redirect: 'manual',
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
    let response = await send();
    // a busy emulator's "later": nothing was done
    for (let tries = 0; tries < 5 && response.status === 503 && response.headers.has('retry-after'); tries++) {
      await delay(1_000 * Number(response.headers.get('retry-after')));
      response = await send();
    }
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') && text;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };

  return {
    url,
    port,
    http,
    /** The headers of the admin whose password was generated at deployment. */
    async admin(): Promise<Record<string, string>> {
      const { body } = await http('POST', '/api/auth/login/', { body: await adminLogin(port, deployment) });
      return { authorization: `Bearer ${body.access}` };
    },

    /** Moves the product's clock to so many seconds beyond the machine's; the functions follow within a second. */
    async moveClock(seconds: number): Promise<void> {
      const formation = new CloudFormationClient(clientConfig(port));
      const describe = new DescribeStackResourcesCommand({ StackName: 'mercato-local' });
      const { StackResources = [] } = await formation.send(describe);
      const timers = StackResources.find(
        ({ LogicalResourceId = '', ResourceType = '' }) =>
          LogicalResourceId.startsWith('TimerTable') && ResourceType.endsWith('::Table'),
      );
      await new DynamoDBClient(clientConfig(port)).send(
        new PutItemCommand({
          TableName: timers?.PhysicalResourceId,
          Item: { pk: { S: CLOCK_KEY.pk }, sk: { S: CLOCK_KEY.sk }, offset_ms: { N: String(seconds * 1_000) } },
        }),
      );
    },
  };
}
export type Deployed = Awaited<ReturnType<typeof deployed>>;
