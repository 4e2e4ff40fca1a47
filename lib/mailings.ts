import { Duration, Stack } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { Context, type ContextProps } from './context';
import { GeneratedSecret } from './generated-secret';
import { reach } from './neighbour';
import { ScheduledFunction } from './scheduled-function';
import { settings } from './settings';

/** Sends a second at the most when nothing else is set. */
const RATE_PER_SECOND = 500;

/** Functions that send, at once at the most. */
const SENDERS = 20;
const LOCAL_SENDERS = 2;

/**
 * Clients and the mailings to them. Each mailing is driven by messages of the queue `Run`, which reads its audience, keeps
 * the ledger and hands messages to `Send`; `Minute` puts runs back on their way whose driver died.
 */
export class Mailings extends Context {
  constructor(scope: Construct, shared: ContextProps) {
    super(scope, 'mailings', { ...shared, indexes: 3 });
    const { api, stage } = shared;
    const { sendApiUrl, sendRatePerSecond } = settings();
    const environment = { SEND_RATE_PER_SECOND: String(sendRatePerSecond ?? RATE_PER_SECOND) };
    const token = new GeneratedSecret(this, 'SendToken', {
      stage,
      description: 'the bearer token of the send service',
      setting: 'SEND_API_TOKEN',
    });

    this.serve('/api/clients', '/api/mailings').addEnvironment(
      'SEND_RATE_PER_SECOND',
      environment.SEND_RATE_PER_SECOND,
    );

    const send = this.worker('Send', 'MAILINGS_SEND', {
      entry: 'mailings/send',
      impact: 'Messages of mailings are not sent.',
      environment,
      timeout: Duration.seconds(40),
      // an emulator runs a process for each request to the stand-in, on the machine's few cores
      batchSize: stage.local ? 1 : 2,
      maxConcurrency: SENDERS,
      localConcurrency: LOCAL_SENDERS,
      memorySize: 1_024,
    });
    send.function.addEnvironment('SEND_PARALLEL', stage.local ? '4' : '25');
    send.function.addEnvironment('SEND_TOKEN_ARN', token.arn);
    token.grantReads(send.function);
    reach(send.function, { variable: 'SEND_API_URL', url: sendApiUrl }, api, stage);

    const run = this.worker('Run', 'MAILINGS_RUN', {
      entry: 'mailings/run',
      impact: 'Mailings do not start or do not go on.',
      environment,
      timeout: Duration.seconds(40),
      // one mailing's trouble is its own, and a driver mostly waits: several mailings at once, locally too
      batchSize: 1,
      localConcurrency: 6,
      memorySize: 1_024,
    });
    run.function.addEnvironment('SENDERS', String(stage.local ? LOCAL_SENDERS : SENDERS));
    run.function.sendsTo('MAILINGS_SEND', send.queue).sendsTo('MAILINGS_RUN', run.queue);

    this.worker('Import', 'MAILINGS_IMPORT', {
      entry: 'mailings/import',
      impact: 'Imports of clients do not go on.',
      // a thousand lines, each read and written by itself at the worst
      timeout: Duration.seconds(60),
      batchSize: 1,
      maxConcurrency: 4,
      memorySize: 1_024,
    });

    const minute = new ScheduledFunction(this, 'Minute', {
      stage,
      entry: 'mailings/minute',
      schedule: Schedule.rate(Duration.minutes(1)),
      impact: 'Mailings whose function died do not go on.',
    });
    this.equip(minute).sendsTo('MAILINGS_RUN', run.queue);
    this.reportsDaily();
  }
  /** The daily e-mail with the statistics, where an address is set for it. */
  private reportsDaily(): void {
    const { stage } = this.shared;
    const { statsEmail: set, statsEmailFrom, statsEmailHour = 9, statsEmailZone = 'UTC' } = settings();
    // an emulator keeps what it is given
    const statsEmail = set ?? (stage.local ? 'operator@example.com' : undefined);
    if (!statsEmail) return;
    const report = new ScheduledFunction(this, 'Report', {
      stage,
      entry: 'mailings/report',
      schedule: Schedule.rate(Duration.minutes(5)),
      impact: 'The daily e-mail with the statistics of mailings is not sent.',
      environment: {
        STATS_EMAIL: statsEmail,
        ...(statsEmailFrom && { STATS_EMAIL_FROM: statsEmailFrom }),
        STATS_EMAIL_HOUR: String(statsEmailHour),
        STATS_EMAIL_ZONE: statsEmailZone,
      },
    });
    this.equip(report);
    const resourceName = statsEmailFrom ?? statsEmail;
    const sender = Stack.of(this).formatArn({ service: 'ses', resource: 'identity', resourceName });
    report.addToRolePolicy(new PolicyStatement({ actions: ['ses:SendEmail'], resources: [sender] }));
    // on an emulator the address is made known by the function; there is no narrower resource
    const verify = new PolicyStatement({ actions: ['ses:VerifyEmailIdentity'], resources: ['*'] });
    if (stage.local) report.addToRolePolicy(verify);
  }
}
