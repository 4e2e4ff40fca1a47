import { CfnOutput } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Context, type Shared } from './context';
import { GeneratedSecret } from './generated-secret';

/** Users, tokens and API keys. Its table is where every other context checks credentials. */
export class Identity extends Context {
  constructor(scope: Construct, shared: Shared) {
    super(scope, 'identity', { ...shared, indexes: 2 });
    const { stage } = shared;
    const signingSecret = new GeneratedSecret(this, 'SigningSecret', {
      stage,
      description: 'the token signing key is derived from it; a new version rotates the key',
    });
    const adminSecret = new GeneratedSecret(this, 'AdminSecret', {
      stage,
      description: 'the first admin, made at the first login with it',
      generate: {
        secretStringTemplate: JSON.stringify({ username: 'admin' }),
        generateStringKey: 'password',
        passwordLength: 24,
        excludePunctuation: true,
      },
    });
    const api = this.serve('/api/auth', '/auth', '/api/users', '/api/v1/users', '/api/api-keys', '/.well-known');
    api.addEnvironment('SIGNING_SECRET_ARN', signingSecret.arn);
    signingSecret.grantReads(api);
    api.addEnvironment('ADMIN_SECRET_ARN', adminSecret.arn);
    adminSecret.grantReads(api);
    new CfnOutput(this, 'SigningSecretArn', { value: signingSecret.arn }).overrideLogicalId('SigningSecretArn');
    new CfnOutput(this, 'AdminSecretArn', { value: adminSecret.arn }).overrideLogicalId('AdminSecretArn');
  }
}
