import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/**
 * Deploys to, or destroys in, the account of the current credentials, with further arguments passed on to CDK
 * (`--context stage=prod`; cdk.json says `dev`).
 */
export async function onAccount(command: 'deploy' | 'destroy', args: string[]): Promise<void> {
  process.exitCode = await (command === 'deploy' ? deploy(args) : cdk(['destroy', '--all', ...args]));
}
