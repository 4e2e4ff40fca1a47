import { Stack, type StackProps } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { Audit } from './audit';
import { AuditTable } from './audit-table';
import { Bulk } from './bulk';
import { Catalogue } from './catalogue';
import { Console } from './console';
import type { Shared } from './context';
import { GeneratedSecret } from './generated-secret';
import { HttpApi } from './http-api';
import { Identity } from './identity';
import { Mailings } from './mailings';
import { Operations } from './operations';
import { Orders } from './orders';
import { Profiles } from './profiles';
import { Receipts } from './receipts';
import { Sandbox } from './sandbox';
import { stageOf } from './stage';
import { Timer } from './timer';

/** The whole product: the shared parts, then the contexts. */
export class BackendStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const stage = stageOf(this.node);
    const shared: Shared = {
      stage,
      api: new HttpApi(this, 'Api', { stage }),
      bus: new EventBus(this, 'Bus', { eventBusName: stage.name === 'prod' ? 'mercato' : `mercato-${stage.name}` }),
      timer: new Timer(this, 'Timer', { stage }),
      audit: new AuditTable(this, { stage }),
      delegation: new GeneratedSecret(this, 'DelegationSecret', {
        stage,
        description: 'signs calls that bulk actions make in the name of whoever asked for them',
      }),
    };
    const identity = new Identity(this, shared);
    const credentials = identity.table;
    new Orders(this, { ...shared, credentials });
    new Mailings(this, { ...shared, credentials });
    new Profiles(this, { ...shared, credentials });
    new Catalogue(this, { ...shared, credentials });
    if (stage.sandbox) new Sandbox(this, { ...shared, credentials });
    new Receipts(this, { ...shared, credentials });
    new Bulk(this, { ...shared, credentials });
    new Audit(this, { ...shared, credentials });
    new Console(this, shared);
    // looks after all that is there: last
    new Operations(this, { ...shared, credentials });
  }
}
