import { AttributeType, BillingMode, ProjectionType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { LambdaFunction } from './lambda-function';
import { settings } from './settings';
import type { Stage } from './stage';

/** What a list may be filtered by beside its index. */
const NARROWING = ['who_id', 'entity', 'context'];

/**
 * The audit trail of all contexts. An entry lies beside the others of its record (`pk`: entity and id, `sk`: its own id,
 * which sorts by time); `gsi1` has all, `gsi2` those of an actor, `gsi3` of an entity, `gsi4` of a context, with keys
 * alone, so that an entry of any size costs each of them one write unit.
 */
export class AuditTable extends Table {
  private readonly indexArns: string[] = [];

  constructor(scope: Construct, { stage }: { stage: Stage }) {
    super(scope, 'AuditTable', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: 'expires_at',
      removalPolicy: stage.removal,
      deletionProtection: stage.name === 'prod',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: stage.backups },
    });
    for (const indexName of ['gsi1', 'gsi2', 'gsi3', 'gsi4']) {
      this.indexArns.push(`${this.tableArn}/index/${indexName}`);
      this.addGlobalSecondaryIndex({
        indexName,
        partitionKey: { name: `${indexName}pk`, type: AttributeType.STRING },
        sortKey: { name: `${indexName}sk`, type: AttributeType.STRING },
        projectionType: ProjectionType.INCLUDE,
        nonKeyAttributes: NARROWING,
      });
    }
  }

  /** Lets a function add entries about a context: it can neither read, change nor delete any. */
  grantAdds(to: LambdaFunction, context: string): void {
    to.addEnvironment('AUDIT_TABLE', this.tableName);
    to.addEnvironment('CONTEXT', context);
    const { auditDays } = settings();
    if (auditDays !== undefined) to.addEnvironment('AUDIT_DAYS', String(auditDays));
    to.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:PutItem'], resources: [this.tableArn] }));
  }

  /** The right to read entries by key and index. */
  grantReads(to: LambdaFunction): void {
    const resources = [this.tableArn, ...this.indexArns];
    to.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:Query', 'dynamodb:BatchGetItem'], resources }));
  }
}
