import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { BackendStack } from '../../lib/backend-stack';

/** The largest stacks that there can be: with every neighbour named, and with every stand-in. */
const LARGEST: Record<string, { context: Record<string, string>; settings?: Record<string, string> }> = {
  everything: {
    context: { stage: 'prod' },
    settings: {
      RANDOM_DATA_API_URL: 'https://people.example',
      BASE_OFFER_MICROSERVICE_API: 'https://offers.example',
      SEND_API_URL: 'https://send.example',
      STATS_EMAIL: 'operator@mercato.example',
      STATS_EMAIL_FROM: 'mercato@mercato.example',
      OIDC_ISSUER: 'https://issuer.example',
    },
  },
  sandbox: { context: { stage: 'dev', sandbox: 'true' } },
};

/**
 * Synthesises the stack of each stage named below a directory, with cdk-nag's findings where the stage is for an account; what
 * a stage fails with is written in its place. A program of its own: CDK loads five times slower inside the test runner.
 */
const [directory = '', ...stages] = process.argv.slice(2);
for (const stage of stages) {
  const { context = { stage }, settings } = LARGEST[stage] ?? {};
  Object.assign(process.env, settings);
  const outdir = join(directory, stage);
  const app = new App({ context, outdir });
  try {
    new BackendStack(app, `mercato-${stage}`);
    // the emulators have no TLS, no backups and no access logs
    if (stage === 'dev' || stage === 'prod') Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    app.synth();
  } catch (error) {
    writeFileSync(`${outdir}.error`, (error as Error).message);
  }
  for (const name of Object.keys(settings ?? {})) delete process.env[name];
}
