import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { ContextTable } from './context-table';
import type { LambdaFunction } from './lambda-function';
import { settings } from './settings';
import type { Stage } from './stage';

/** The partitions that hold the public signing keys and the API keys. */
const PARTITIONS = ['SIGNING_KEYS', 'API_KEY#*'];

/**
 * The right to read what credentials are checked by, and to note when an API key was last used: of the table of identity
 * nothing else. Emulators know no conditions on keys and attributes.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
function grantChecks(handler: LambdaFunction, { tableArn }: ContextTable, { local }: Stage): void {
  const leading = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': PARTITIONS } };
  const lastUse = {
    ...leading,
    'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['pk', 'sk', 'last_used_at'] },
    StringEqualsIfExists: { 'dynamodb:ReturnValues': ['NONE'] },
  };
  const allow = (action: string, conditions: object) =>
    handler.addToRolePolicy(
      new PolicyStatement({ actions: [action], resources: [tableArn], ...(!local && { conditions }) }),
    );
  allow('dynamodb:GetItem', leading);
  allow('dynamodb:UpdateItem', lastUse);
}

/** Lets a function check who calls it: tokens of ours and of an outside issuer, API keys. */
export function checksCredentials(handler: LambdaFunction, credentials: ContextTable, stage: Stage): void {
  handler.addEnvironment('CREDENTIALS_TABLE', credentials.tableName);
  grantChecks(handler, credentials, stage);
  const { oidcIssuer, oidcAudience, oidcRoleClaim } = settings();
  if (!oidcIssuer) return;
  handler.addEnvironment('OIDC_ISSUER', oidcIssuer);
  handler.addEnvironment('OIDC_AUDIENCE', oidcAudience ?? 'mercato');
  handler.addEnvironment('OIDC_ROLE_CLAIM', oidcRoleClaim ?? 'roles');
}
