import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { ContextTable } from './context-table';
import type { LambdaFunction } from './lambda-function';
import { settings } from './settings';

/** Lets a function check who calls it: tokens of ours and of an outside issuer, API keys. */
export function checksCredentials(handler: LambdaFunction, credentials: ContextTable): void {
  handler.addEnvironment('CREDENTIALS_TABLE', credentials.tableName);
  credentials.grantReads(handler);
  // notes when an API key was last used
  handler.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:UpdateItem'], resources: [credentials.tableArn] }));
  const { oidcIssuer, oidcAudience, oidcRoleClaim } = settings();
  if (!oidcIssuer) return;
  handler.addEnvironment('OIDC_ISSUER', oidcIssuer);
  handler.addEnvironment('OIDC_AUDIENCE', oidcAudience ?? 'mercato');
  handler.addEnvironment('OIDC_ROLE_CLAIM', oidcRoleClaim ?? 'roles');
}
