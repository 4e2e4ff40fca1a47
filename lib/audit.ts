import { Construct } from 'constructs';
import type { Shared } from './context';
import type { ContextTable } from './context-table';
import { checksCredentials } from './credentials';
import { GeneratedSecret } from './generated-secret';
import { LambdaFunction } from './lambda-function';

/** The reader of the audit trail. Writing it is a part of every context's changes. */
export class Audit extends Construct {
  constructor(scope: Construct, { stage, api, audit, credentials, timer }: Shared & { credentials: ContextTable }) {
    super(scope, 'Audit');
    const secret = new GeneratedSecret(this, 'Secret', { stage, description: 'seals the cursors of the audit trail' });
    const handler = new LambdaFunction(this, 'Api', { stage, entry: 'audit/api', memorySize: 1_024 });
    handler.addEnvironment('AUDIT_TABLE', audit.tableName);
    handler.addEnvironment('CONTEXT_SECRET_ARN', secret.arn);
    audit.grantReads(handler);
    secret.grantReads(handler);
    checksCredentials(handler, credentials, stage);
    timer.followClock(handler, stage);
    api.route(handler, '/api/audit');
  }
}
