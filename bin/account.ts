import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyLeftBuckets } from './left-buckets';
import { say } from './screen.cjs';
import { putSecretSettings } from './secret-settings';
import { ROOT } from './settings';

async function cdk(args: string[]): Promise<number> {
  const child = spawn(process.execPath, [require.resolve('aws-cdk/bin/cdk'), ...args], { cwd: ROOT, stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return code ?? 1;
}

/** What `--profile` says among the arguments for CDK. */
function profileOf(args: string[]): string | undefined {
  const at = args.findIndex((argument) => /^--profile(=|$)/.test(argument));
  return args[at]?.split('=')[1] ?? args[at + 1 || args.length];
}

/** `cdk deploy`, then the settings that are secret go to the deployed stacks' secrets, with the same credentials. */
async function deploy(args: string[]): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'mercato-deploy-'));
  try {
    const file = join(directory, 'outputs.json');
    const code = await cdk(['deploy', '--all', ...args, '--outputs-file', file]);
    if (code) return code;
    const stacks = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>;
    const profile = profileOf(args);
    for (const outputs of Object.values(stacks)) {
      const names = await putSecretSettings(outputs, profile === undefined ? {} : { profile });
      if (names.length) say(`Put into Secrets Manager: ${names.join(', ')}`);
    }
    return 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What `--context stage=…` says among the arguments for CDK. @default dev, as cdk.json says */
function stageOf(args: string[]): string {
  const pairs = args.flatMap((argument, at) =>
    /^(-c|--context)$/.test(argument) ? [args[at + 1]] : [/^--context=(.*)$/.exec(argument)?.[1]],
  );
  return pairs.find((pair) => pair?.startsWith('stage='))?.slice('stage='.length) ?? 'dev';
}

/**
 * `cdk destroy`, which asks first. CloudFormation deletes no bucket that holds anything: those of a stage that keeps nothing
 * are emptied when it has failed at them, and it goes on.
 */
async function destroy(args: string[]): Promise<number> {
  const code = await cdk(['destroy', '--all', ...args]);
  const profile = profileOf(args);
  const emptied = code
    ? await emptyLeftBuckets(`mercato-${stageOf(args)}`, profile === undefined ? {} : { profile })
    : 0;
  return emptied ? cdk(['destroy', '--all', '--force', ...args]) : code;
}

/**
 * Deploys to, or destroys in, the account of the current credentials, with further arguments passed on to CDK
 * (`--context stage=prod`; cdk.json says `dev`).
 */
export async function onAccount(command: 'deploy' | 'destroy', args: string[]): Promise<void> {
  process.exitCode = await (command === 'deploy' ? deploy(args) : destroy(args));
}
