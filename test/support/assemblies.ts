import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Resource {
  Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: properties are of every shape
  Properties: any;
  DeletionPolicy?: string;
  Metadata?: Record<string, string>;
}
export interface Template {
  Resources: Record<string, Resource>;
  Outputs: Record<string, unknown>;
}

export const STAGES = ['local', 'dev', 'prod'] as const;
export type StageName = (typeof STAGES)[number];
/** Of `stages.ts`: with every setting, and with every stand-in. */
export const LARGEST = ['everything', 'sandbox'];

/** What a deployer may have set in the environment, and nobody else may see. */
export const SECRETS = { OFFERS_REFRESH_TOKEN: 'canary-of-the-offers', SEND_API_TOKEN: 'canary-of-the-sender' };

/** All stages as CDK makes them, in a directory with one for each, from the bundles that were made for the tests. */
export function synthesiseStages() {
  const directory = mkdtempSync(join(tmpdir(), 'mercato-stack-'));
  const program = join(__dirname, 'stages.ts');
  execFileSync(process.execPath, ['--require', 'tsx/cjs', program, directory, ...STAGES, ...LARGEST, 'production'], {
    env: {
      ...process.env,
      ...SECRETS,
      MERCATO_DIST: join(dirname(process.env['MERCATO_TEST_TEMPLATE'] ?? ''), '../dist'),
    },
    stdio: 'ignore',
  });
  const template = {} as Record<StageName, Template>;
  /** What is in the stacks inside of it. */
  const nested = {} as Record<StageName, Resource[]>;
  const findings = {} as Record<StageName, string[]>;
  const missing = {} as Record<StageName, unknown>;
  for (const stage of STAGES) {
    const read = (file: string) => JSON.parse(readFileSync(join(directory, stage, file), 'utf8'));
    template[stage] = read(`mercato-${stage}.template.json`);
    const inside = readdirSync(join(directory, stage)).filter((file) => file.endsWith('.nested.template.json'));
    nested[stage] = inside.flatMap((file) => Object.values((read(file) as Template).Resources));
    missing[stage] = read('manifest.json').missing;
    findings[stage] = read('validation-report.json').pluginReports.flatMap(
      ({ violations }: { violations: { ruleName: string; violatingConstructs: { constructPath: string }[] }[] }) =>
        violations.flatMap(({ ruleName, violatingConstructs }) =>
          violatingConstructs.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
        ),
    );
  }
  return { directory, template, nested, findings, missing };
}
export type Assemblies = ReturnType<typeof synthesiseStages>;
