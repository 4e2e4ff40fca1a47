import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Shared } from './context';
import { ContextTable } from './context-table';
import { checksCredentials } from './credentials';
import { GeneratedSecret } from './generated-secret';
import { LambdaFunction } from './lambda-function';

export interface SandboxProps extends Shared {
  /** The table with the public signing keys and API keys: faults are an operator's. */
  credentials: ContextTable;
}

/**
 * Stand-ins for the services that Mercato depends on, below `/sandbox/<name>/…`, with faults on demand: deployed locally
 * and with `--context sandbox=true`, never in `prod`.
 */
export class Sandbox extends Construct {
  private readonly table: ContextTable;
  private readonly secret: GeneratedSecret;

  constructor(
    scope: Construct,
    private readonly props: SandboxProps,
  ) {
    super(scope, 'Sandbox');
    const { stage } = props;
    this.table = new ContextTable(this, 'Table', { stage });
    this.secret = new GeneratedSecret(this, 'Secret', {
      stage,
      description: 'what the check of credentials asks of each context',
    });
    this.standIn('RandomData', 'random-data');
    this.standIn('Send', 'send');
    this.standIn('Offers', 'offers');
  }

  /** A service played by `lambdas/sandbox/<name>.lambda.ts`. */
  private standIn(id: string, name: string): LambdaFunction {
    const { stage, api, credentials, timer } = this.props;
    const handler = new LambdaFunction(this, id, {
      stage,
      entry: `sandbox/${name}`,
      memorySize: 1_024,
      // as long as a REST API waits
      timeout: Duration.seconds(29),
    });
    handler.addEnvironment('TABLE_NAME', this.table.tableName);
    handler.addEnvironment('CONTEXT_SECRET_ARN', this.secret.arn);
    this.table.grantReads(handler);
    this.table.grantWrites(handler);
    checksCredentials(handler, credentials, stage);
    this.secret.grantReads(handler);
    timer.followClock(handler, stage);
    api.route(handler, `/sandbox/${name}`);
    return handler;
  }
}
