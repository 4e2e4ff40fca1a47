import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { BackendStack } from '../../lib/backend-stack';

/**
 * Synthesises the stack of each stage named below a directory, with cdk-nag's findings where the stage is for an account; what
 * a stage fails with is written in its place. A program of its own: CDK loads five times slower inside the test runner.
 */
const [directory = '', ...stages] = process.argv.slice(2);
for (const stage of stages) {
  const outdir = join(directory, stage);
  const app = new App({ context: { stage }, outdir });
  try {
    new BackendStack(app, `mercato-${stage}`);
    // the emulators have no TLS, no backups and no access logs
    if (stage !== 'local') Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    app.synth();
  } catch (error) {
    writeFileSync(`${outdir}.error`, (error as Error).message);
  }
}
