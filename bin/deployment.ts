import { readFileSync } from 'node:fs';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { assemblyOf, type DeployOptions, deployAssembly, REGION, synthesise } from './cdk';
import { endpointOf } from './port';
import { Trouble } from './screen.cjs';
import { putSecretSettings } from './secret-settings';
import { enableTimeToLive } from './time-to-live';

const TOOLKIT = 'CDKToolkit';
const STACK = 'mercato-local';

/** What an SDK client needs to speak to the emulator on a port. */
export const clientConfig = (port: number) => ({
  endpoint: endpointOf(port),
  region: REGION,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

/**
 * Creates what CDK needs in an account from CDK's own template: half a second, where `cdk bootstrap` takes five.
 * Does nothing when it is there; begins anew when it failed half-way.
 */
export async function bootstrap(port: number): Promise<void> {
  const client = new CloudFormationClient(clientConfig(port));
  const stack = { StackName: TOOLKIT };
  const patience = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
  const found = await client.send(new DescribeStacksCommand(stack)).catch(() => undefined);
  let status = found?.Stacks?.[0]?.StackStatus;
  if (status && /ROLLBACK|FAILED/.test(status)) {
    await client.send(new DeleteStackCommand(stack));
    await waitUntilStackDeleteComplete(patience, stack);
    status = undefined;
  }
  if (!status) {
    await client.send(
      new CreateStackCommand({
        ...stack,
        TemplateBody: readFileSync(require.resolve('aws-cdk/lib/api/bootstrap/bootstrap-template.yaml'), 'utf8'),
        Capabilities: ['CAPABILITY_NAMED_IAM'],
        Parameters: [{ ParameterKey: 'FileAssetsBucketKmsKeyId', ParameterValue: 'AWS_MANAGED_KEY' }],
      }),
    );
  }
  await waitUntilStackCreateComplete(patience, stack).catch(() => {
    throw new Trouble(
      'The emulator could not be prepared for CDK: its stack CDKToolkit was not created.',
      'To begin afresh: npm run down, delete .mercato, npm start. The data of the emulator go with it.',
    );
  });
}

export interface Deployment {
  /** Base address of the API, without a trailing slash. */
  url: string;
  console: string;
  docs: string;
  /** All outputs of the stack. */
  outputs: Record<string, string>;
}

/** The deployment on a port, from the emulator itself; undefined when there is none. */
export async function findDeployment(port: number): Promise<Deployment | undefined> {
  const client = new CloudFormationClient({ ...clientConfig(port), maxAttempts: 1 });
  // whatever takes connections and never answers is none of ours
  const abortSignal = AbortSignal.timeout(30_000);
  const found = await client
    .send(new DescribeStacksCommand({ StackName: STACK }), { abortSignal })
    .catch(() => undefined);
  const outputs = Object.fromEntries(
    (found?.Stacks?.[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
  );
  if (!outputs['ApiId']) return undefined;
  const url = `http://localhost:${port}/_aws/execute-api/${outputs['ApiId']}/${outputs['ApiStage']}`;
  return { url, console: `${url}/`, docs: `${url}/docs/`, outputs };
}

/** The login that was generated at deployment. */
export async function adminLogin(
  port: number,
  { outputs }: Deployment,
): Promise<{ username: string; password: string }> {
  const client = new SecretsManagerClient(clientConfig(port));
  const secret = await client.send(new GetSecretValueCommand({ SecretId: outputs['AdminSecretArn'] }));
  return JSON.parse(secret.SecretString ?? '{}');
}

/**
 * Deploys what `synthesise` wrote to a bootstrapped emulator. Safe to repeat.
 * @throws {Trouble} with CloudFormation's reason
 */
export async function deploySynthesised(options: DeployOptions): Promise<Deployment> {
  await deployAssembly(options);
  await enableTimeToLive(clientConfig(options.port), STACK, assemblyOf(options.outDir));
  const deployment = await findDeployment(options.port);
  if (!deployment) throw new Trouble('The stack was deployed, but it has no output named ApiId.');
  await putSecretSettings(deployment.outputs, clientConfig(options.port));
  return deployment;
}

/** Synthesises, bootstraps and deploys; prints nothing. */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  await Promise.all([synthesise(options), bootstrap(options.port)]);
  return deploySynthesised(options);
}
