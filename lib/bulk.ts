import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Context, type ContextProps } from './context';

/** One action on many things: each piece of them is a message, each thing a call of its own context's API. */
export class Bulk extends Context {
  constructor(scope: Construct, shared: ContextProps) {
    // it asks other contexts, page after page; the gateway waits for 29 s
    super(scope, 'bulk', { ...shared, indexes: 1, apiTimeout: Duration.seconds(29) });
    const { api, stage, delegation } = shared;
    api.reachableBy(this.serve('/api/ops/bulk'), stage);
    const pieces = this.worker('Pieces', 'BULK_PIECES', {
      entry: 'bulk/piece',
      timeout: Duration.seconds(60),
      batchSize: 1,
      maxConcurrency: 5,
      impact: 'Bulk actions stand still.',
    });
    api.reachableBy(pieces.function, stage);
    pieces.function.addEnvironment('DELEGATION_SECRET_ARN', delegation.arn);
    delegation.grantReads(pieces.function);
  }
}
