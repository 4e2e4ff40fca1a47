import { Duration } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { Context, type ContextProps } from './context';
import { ContextTable } from './context-table';
import type { LambdaFunction } from './lambda-function';
import { reach } from './neighbour';
import type { QueueWorker } from './queue-worker';
import { ScheduledFunction } from './scheduled-function';
import { settings } from './settings';

/**
 * People's records from the Random Data API. Three schedules and the worker of runs that were asked for fetch batches and
 * store them, with their links, in three tables; runs and what was set aside are in the context's own. Store works on what
 * was fetched and could not be stored.
 */
export class Profiles extends Context {
  private readonly tables: Record<string, ContextTable>;

  constructor(scope: Construct, shared: ContextProps) {
    super(scope, 'profiles', { ...shared, indexes: 1 });
    const { stage, api } = shared;
    this.tables = {
      USERS_TABLE: new ContextTable(this, 'Users', { stage, indexes: 3 }),
      ADDRESSES_TABLE: new ContextTable(this, 'Addresses', { stage, indexes: 2 }),
      CREDIT_CARDS_TABLE: new ContextTable(this, 'CreditCards', { stage, indexes: 2 }),
    };
    this.storesRecords(this.serve('/api/profiles'));

    const { randomDataApiUrl: url, profilesEveryMinutes } = settings();
    const source = { variable: 'RANDOM_DATA_API_URL', url };
    const steps = this.worker('Steps', 'PROFILES_RUNS', {
      entry: 'profiles/step',
      timeout: Duration.minutes(1),
      batchSize: 1,
      // the source refuses who asks too fast
      maxConcurrency: 2,
      impact: 'Runs that were asked for do not go on.',
    }).function;
    const store = this.worker('Store', 'PROFILES_RECORDS', {
      entry: 'profiles/store',
      batchSize: 1,
      impact: 'Records that the source gave and that could not be stored at once are not stored.',
    });
    this.storesRecords(store.function);
    this.fetches(steps, store);
    if (!reach(steps, source, api, stage)) return;

    const every = profilesEveryMinutes ?? (stage.local ? 1 : 5);
    for (const [id, resource] of Object.entries({
      FetchUsers: 'users',
      FetchAddresses: 'addresses',
      FetchCreditCards: 'credit_cards',
    })) {
      const fetcher = new ScheduledFunction(this, id, {
        stage,
        entry: 'profiles/fetch',
        schedule: Schedule.rate(Duration.minutes(every)),
        environment: { RESOURCE: resource },
        impact: `No new ${resource} are collected.`,
      });
      this.equip(fetcher);
      this.fetches(fetcher, store);
      reach(fetcher, source, api, stage);
    }
  }

  /** Lets a function ask the source and store what it gives, or have it stored later. */
  private fetches(handler: LambdaFunction, later: QueueWorker): void {
    this.storesRecords(handler);
    handler.sendsTo('PROFILES_RECORDS', later.queue);
    this.secret.grantReads(handler);
    handler.addEnvironment('BATCH_SIZE', '25');
    handler.addEnvironment('SOURCE_TIMEOUT_MS', '5000');
    handler.addEnvironment('SOURCE_RETRY_MS', '1000');
  }

  private storesRecords(handler: LambdaFunction): void {
    for (const [variable, table] of Object.entries(this.tables)) {
      handler.addEnvironment(variable, table.tableName);
      table.grantReads(handler);
      table.grantWrites(handler);
    }
  }
}
