import { App, CfnOutput, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import { LambdaRestApi } from 'aws-cdk-lib/aws-apigateway';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';

// The least that the commands need: an API that answers and logs, a table whose items expire, a generated login.
const app = new App();
const stack = new Stack(app, `mercato-${app.node.tryGetContext('stage')}`);
const handler = new LambdaFunction(stack, 'Web', {
  runtime: Runtime.NODEJS_22_X,
  handler: 'index.handler',
  code: Code.fromInline(`
    exports.handler = async ({ path, body }) => {
      if (path.endsWith('/login/') && String(body).includes('refused')) return { statusCode: 401, body: '{}' }
      console.log(JSON.stringify({ level: 'info', message: 'request', at: new Date().toISOString(), path, reason: 'a b' }))
      return { statusCode: 200, body: JSON.stringify({ path }) }
    }`),
});
const api = new LambdaRestApi(stack, 'Api', { handler, cloudWatchRole: false, deployOptions: { stageName: 'v1' } });
Tags.of(api).add('ms-custom-id', '5a11a990');
const table = new Table(stack, 'Table', {
  partitionKey: { name: 'pk', type: AttributeType.STRING },
  sortKey: { name: 'sk', type: AttributeType.STRING },
  timeToLiveAttribute: 'expires_at',
  billingMode: BillingMode.PAY_PER_REQUEST,
  removalPolicy: RemovalPolicy.DESTROY,
});
const login = new Secret(stack, 'Login', {
  generateSecretString: { secretStringTemplate: '{"username":"admin"}', generateStringKey: 'password' },
});
const token = new Secret(stack, 'Token');
new CfnOutput(stack, 'ApiId', { value: api.restApiId });
new CfnOutput(stack, 'ApiStage', { value: 'v1' });
new CfnOutput(stack, 'AdminSecretArn', { value: login.secretArn });
new CfnOutput(stack, 'ServiceTokenSettingArn', { value: token.secretArn });
new CfnOutput(stack, 'TableName', { value: table.tableName });
