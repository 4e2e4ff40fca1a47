import { Duration } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { Context, type ContextProps } from './context';
import { GeneratedSecret } from './generated-secret';
import type { LambdaFunction } from './lambda-function';
import { reach } from './neighbour';
import { ScheduledFunction } from './scheduled-function';
import { settings } from './settings';

/**
 * Products, and their offers as the offers service has them.
 *
 * A product added → Register. Each minute StartRun → a message a segment → Divide → a message for each hundred products →
 * Refresh, which asks the service for each of them.
 */
export class Catalogue extends Context {
  private readonly refreshToken: GeneratedSecret;

  constructor(scope: Construct, shared: ContextProps) {
    super(scope, 'catalogue', { ...shared, indexes: 3 });
    const { stage } = shared;
    this.serve('/api/products', '/api/registrations', '/api/catalogue');
    this.refreshToken = new GeneratedSecret(this, 'OffersToken', {
      stage,
      description: 'the refresh token of the offers service; the sandbox takes any',
      setting: 'OFFERS_REFRESH_TOKEN',
    });

    const register = this.worker('Register', 'CATALOGUE_REGISTRATIONS', {
      entry: 'catalogue/register',
      impact: 'New products are not registered with the offers service: they get no offers.',
      maxConcurrency: 5,
    });
    const divide = this.worker('Divide', 'CATALOGUE_SEGMENTS', {
      entry: 'catalogue/divide',
      impact: 'The offers of a part of the products are not refreshed.',
      batchSize: 1,
    });
    const refresh = this.worker('Refresh', 'CATALOGUE_PAGES', {
      entry: 'catalogue/refresh',
      impact: 'The offers of some products are not refreshed; the next minute tries again.',
      timeout: Duration.seconds(60),
      memorySize: 1_024,
      batchSize: 1,
      // each asks the service for 20 products at once
      maxConcurrency: 10,
      localConcurrency: 4,
    });
    // played by the sandbox, each request is a process of the emulator too
    const atOnce = stage.local && !settings().baseOfferMicroserviceApi ? 3 : 20;
    refresh.function.addEnvironment('OFFERS_CONCURRENCY', String(atOnce));
    divide.function.sendsTo('CATALOGUE_PAGES', refresh.queue);
    const served = [register.function, refresh.function].map((caller) => this.reachService(caller));
    if (served.every(Boolean)) this.refreshEachMinute();
  }

  /** @returns whether there is a service to reach */
  private reachService(caller: LambdaFunction): boolean {
    const { api, stage } = this.shared;
    caller.addEnvironment('OFFERS_SECRET_ARN', this.refreshToken.arn);
    this.refreshToken.grantReads(caller);
    // the shared access token is sealed with a key of this context
    this.secret.grantReads(caller);
    return reach(
      caller,
      { variable: 'BASE_OFFER_MICROSERVICE_API', url: settings().baseOfferMicroserviceApi },
      api,
      stage,
    );
  }

  private refreshEachMinute(): void {
    this.equip(
      new ScheduledFunction(this, 'StartRun', {
        stage: this.shared.stage,
        entry: 'catalogue/start-run',
        schedule: Schedule.rate(Duration.minutes(1)),
        impact: 'Offers and prices are not refreshed.',
      }),
    );
  }
}
