import { App } from 'aws-cdk-lib';
import { BackendStack } from '../lib/backend-stack';
import { bundle } from '../lib/bundle';
import { stageOf } from '../lib/stage';
import { loadSettings } from './settings';

async function main(): Promise<void> {
  // run by `cdk deploy` itself; the project's own commands have loaded them, and tests want none
  if (process.env['CDK_CLI_VERSION']) loadSettings();
  await bundle();
  const app = new App();
  const stage = stageOf(app.node);
  new BackendStack(app, `mercato-${stage.name}`, {
    description: 'Mercato, a retail back office without servers',
    // no environment: the account and region of the credentials at deployment; a synth needs none
  });
  app.synth();
}

void main();
