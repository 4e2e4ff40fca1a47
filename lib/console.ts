import { Construct } from 'constructs';
import type { Shared } from './context';
import { LambdaFunction } from './lambda-function';

/** The pages: console, API documentation, and the answer to every path that no context has. */
export class Console extends Construct {
  constructor(scope: Construct, { stage, api }: Shared) {
    super(scope, 'Console');
    // not every emulator passes compressed replies on
    const environment: Record<string, string> = stage.local ? { PLAIN: '1' } : {};
    api.route(new LambdaFunction(this, 'Web', { stage, entry: 'console/web', memorySize: 1_024, environment }), '/');
  }
}
