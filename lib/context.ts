import type { Duration } from 'aws-cdk-lib';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FilterCriteria, FilterRule } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { OUTBOX } from '../lambdas/kernel/names';
import type { AuditTable } from './audit-table';
import { ContextTable } from './context-table';
import { checksCredentials } from './credentials';
import { GeneratedSecret } from './generated-secret';
import type { HttpApi } from './http-api';
import { LambdaFunction, type LambdaFunctionProps } from './lambda-function';
import { QueueWorker, type QueueWorkerProps } from './queue-worker';
import type { Stage } from './stage';
import { StreamConsumer } from './stream-consumer';
import type { Timer } from './timer';

/** What all contexts share. */
export interface Shared {
  stage: Stage;
  api: HttpApi;
  bus: EventBus;
  timer: Timer;
  audit: AuditTable;
  /** What signs calls in somebody's name. */
  delegation: GeneratedSecret;
}

export interface ContextProps extends Shared {
  /** The table with the public signing keys and API keys; a context without one has them in its own. */
  credentials?: ContextTable;
  indexes?: 0 | 1 | 2 | 3;
  /** Of the function behind its paths. @default a LambdaFunction's */
  apiTimeout?: Duration;
}

/**
 * A bounded context: its table, its secret, the relay of its outbox, and functions that may use those. A context's
 * construct extends it and adds functions, queues and rules.
 */
export abstract class Context extends Construct {
  readonly table: ContextTable;
  readonly secret: GeneratedSecret;
  protected readonly relay: LambdaFunction;
  protected readonly credentials: ContextTable;

  protected constructor(
    scope: Construct,
    readonly name: string,
    protected readonly shared: ContextProps,
  ) {
    super(scope, name.charAt(0).toUpperCase() + name.slice(1));
    const { stage, bus, timer, indexes = 0 } = shared;
    this.table = new ContextTable(this, 'Table', { stage, indexes });
    this.credentials = shared.credentials ?? this.table;
    this.secret = new GeneratedSecret(this, 'Secret', {
      stage,
      description: `keys of the ${name} context are derived from it`,
    });
    this.relay = new StreamConsumer(this, 'Relay', {
      stage,
      table: this.table,
      entry: 'kernel/relay',
      environment: {
        SOURCE: `mercato.${name}`,
        BUS_NAME: bus.eventBusName,
        TIMERS_TABLE: timer.table.tableName,
      },
      filter: FilterCriteria.filter({
        eventName: FilterRule.isEqual('INSERT'),
        dynamodb: { Keys: { sk: { S: FilterRule.isEqual(OUTBOX) } } },
      }),
      impact: `Events and messages of ${name} are stored but not sent.`,
    }).function;
    bus.grantPutEventsTo(this.relay);
    this.relay.addToRolePolicy(
      new PolicyStatement({ actions: ['dynamodb:PutItem'], resources: [timer.table.tableArn] }),
    );
    timer.followClock(this.relay, stage);
  }

  /** The function behind the context's paths: reads and writes its table, checks credentials. */
  protected serve(...prefixes: string[]): LambdaFunction {
    const { stage, api, audit, delegation, apiTimeout: timeout } = this.shared;
    const entry = `${this.name}/api`;
    const handler = new LambdaFunction(this, 'Api', { stage, entry, memorySize: 1_024, ...(timeout && { timeout }) });
    this.equip(handler);
    checksCredentials(handler, this.credentials, stage);
    audit.grantAdds(handler, this.name);
    // users, roles and keys are changed by people alone
    if (this.credentials !== this.table) {
      handler.addEnvironment('DELEGATION_SECRET_ARN', delegation.arn);
      delegation.grantReads(handler);
    }
    this.secret.grantReads(handler);
    api.route(handler, ...prefixes);
    return handler;
  }

  /** A queue worked on by `lambdas/<context>/<deed>.lambda.ts`, which the context's outbox can address as `role`. */
  protected worker(id: string, role: string, props: Omit<QueueWorkerProps, 'stage' | 'role'>): QueueWorker {
    const worker = new QueueWorker(this, id, { stage: this.shared.stage, role, ...props });
    this.equip(worker.function);
    this.relay.sendsTo(role, worker.queue);
    this.shared.timer.target(role, worker.queue);
    return worker;
  }

  /** Lets a function work on the context's table by the product's clock. */
  protected equip(handler: LambdaFunction): LambdaFunction {
    handler.addEnvironment('TABLE_NAME', this.table.tableName);
    handler.addEnvironment('CONTEXT_SECRET_ARN', this.secret.arn);
    this.table.grantReads(handler);
    this.table.grantWrites(handler);
    this.shared.timer.followClock(handler, this.shared.stage);
    return handler;
  }

  /** A function of the context that nothing calls yet. */
  protected function(id: string, props: Omit<LambdaFunctionProps, 'stage'>): LambdaFunction {
    return this.equip(new LambdaFunction(this, id, { stage: this.shared.stage, ...props }));
  }
}
