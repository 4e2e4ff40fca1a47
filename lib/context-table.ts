import { AttributeType, BillingMode, ProjectionType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Stage } from './stage';

export interface ContextTableProps {
  stage: Stage;
  /** How many of `gsi1`, `gsi2`, `gsi3` it has. @default 0 */
  indexes?: 0 | 1 | 2 | 3;
}

/**
 * A table of a context, single-table inside: `pk`, `sk`, up to three indexes of whole items over `gsi<n>pk` and
 * `gsi<n>sk`, `expires_at` as time to live, a stream of new images, on-demand capacity.
 */
export class ContextTable extends Table {
  private readonly indexArns: string[] = [];

  constructor(scope: Construct, id: string, { stage, indexes = 0 }: ContextTableProps) {
    super(scope, id, {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      stream: StreamViewType.NEW_IMAGE,
      timeToLiveAttribute: 'expires_at',
      removalPolicy: stage.removal,
      deletionProtection: stage.name === 'prod',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: stage.backups },
    });
    for (let index = 1; index <= indexes; index++) {
      this.indexArns.push(`${this.tableArn}/index/gsi${index}`);
      this.addGlobalSecondaryIndex({
        indexName: `gsi${index}`,
        partitionKey: { name: `gsi${index}pk`, type: AttributeType.STRING },
        sortKey: { name: `gsi${index}sk`, type: AttributeType.STRING },
        projectionType: ProjectionType.ALL,
      });
    }
  }

  /** The right to read by key, never to scan. */
  grantReads(to: IGrantable): void {
    this.allow(to, ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'], [this.tableArn, ...this.indexArns]);
  }

  /** The right to write single items and transactions. */
  grantWrites(to: IGrantable): void {
    const actions = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'];
    this.allow(to, actions, [this.tableArn]);
  }

  private allow(to: IGrantable, actions: string[], resources: string[]): void {
    to.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions, resources }));
  }
}
