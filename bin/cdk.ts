import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failed, run } from './child';
import { endpointOf } from './port';
import { Trouble } from './screen.cjs';
import { ROOT } from './settings';

export const REGION = 'us-east-1';

export interface DeployOptions {
  port: number;
  /** For the bundles, the template and the log; nothing else may use it at the same time. */
  outDir: string;
}

export const assemblyOf = (outDir: string): string => join(outDir, 'cdk.out');

/**
 * The caller's environment with all AWS settings replaced by the emulator's: nothing of a local deployment can reach an
 * account. CDK's caches, telemetry and look for newer versions stay out of it.
 */
function environment({ port, outDir }: DeployOptions): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(AWS|CDK)_/.test(name));
  return {
    ...Object.fromEntries(own),
    AWS_ENDPOINT_URL: endpointOf(port),
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: REGION,
    AWS_CONFIG_FILE: join(outDir, 'none'),
    AWS_SHARED_CREDENTIALS_FILE: join(outDir, 'none'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    CDK_HOME: join(outDir, 'cdk'),
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: 'true',
    // CDK's check of the template takes 4 of 5 seconds; deployments to an account and the tests of `lib` make it
    CDK_VALIDATION: 'false',
    NODE_NO_WARNINGS: '1',
    NO_COLOR: '1',
  };
}

/** The lines of a failed program's output that say what is wrong, without stack traces. */
const reasonOf = (output: string): string =>
  output
    .split('\n')
    .filter((line) => line.trim() && !/^\s+at |^Node\.js v/.test(line))
    .slice(-12)
    .join('\n');

async function node(options: DeployOptions, args: string[], cwd: string, env: NodeJS.ProcessEnv, what: string) {
  const log = join(options.outDir, 'deploy.log');
  try {
    await run(process.execPath, args, { cwd, env: { ...environment(options), ...env }, log });
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    throw new Trouble(`${what}:\n${reasonOf(error.output)}`, `All of it is in ${log}.`);
  }
}

/** What the CDK command line would hand to the app, without the second that it takes to start. */
function context(): string {
  const { context: own = {} } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as { context?: object };
  return JSON.stringify({ ...own, stage: 'local' });
}

/** Bundles the functions and writes the template. Independent of the emulator, so it can run while that starts. */
export async function synthesise(options: DeployOptions): Promise<void> {
  const { outDir } = options;
  rmSync(assemblyOf(outDir), { recursive: true, force: true });
  rmSync(join(outDir, 'deploy.log'), { force: true });
  const env = {
    MERCATO_DIST: join(outDir, 'dist'),
    CDK_OUTDIR: assemblyOf(outDir),
    CDK_CONTEXT_JSON: context(),
    CDK_DEFAULT_REGION: REGION,
  };
  await node(options, ['--require', 'tsx/cjs', 'bin/app.ts'], ROOT, env, 'The stack could not be built');
}

/** Deploys what `synthesise` wrote; one to two seconds on MiniStack, some ten on LocalStack. */
export async function deployAssembly(options: DeployOptions): Promise<void> {
  const { outDir } = options;
  const flags = ['--require-approval', 'never', '--progress', 'events', '--no-notices', '--no-version-reporting'];
  const args = [require.resolve('aws-cdk/bin/cdk'), 'deploy', '--all', '--app', assemblyOf(outDir), ...flags];
  await node(options, args, outDir, {}, 'The stack could not be deployed');
}
