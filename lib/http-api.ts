import { CfnOutput, Stack, Tags, Validations } from 'aws-cdk-lib';
import { EndpointType, type IResource, LambdaIntegration, ResponseType, RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { LambdaFunction } from './lambda-function';
import type { Stage } from './stage';

export interface HttpApiProps {
  stage: Stage;
}

const STAGE_NAME = 'v1';

/** What the gateway answers without asking a function. Of others the template cannot tell the status: it leaves it out. */
const OWN_ANSWERS: { type: ResponseType; title: string; status?: number }[] = [
  { type: ResponseType.REQUEST_TOO_LARGE, title: 'Content Too Large', status: 413 },
  { type: ResponseType.THROTTLED, title: 'Too Many Requests', status: 429 },
  { type: ResponseType.INTEGRATION_FAILURE, title: 'Gateway Timeout', status: 504 },
  { type: ResponseType.INTEGRATION_TIMEOUT, title: 'Gateway Timeout', status: 504 },
  { type: ResponseType.DEFAULT_4XX, title: 'Bad Request' },
  { type: ResponseType.DEFAULT_5XX, title: 'Internal Server Error', status: 500 },
];
const RETRY_AFTER = { 'Retry-After': "'1'" };

/**
 * The one origin of the product: a REST API (v1) whose paths are fixed prefixes, each handed whole to a context's
 * function; the contract in there decides on methods, unknown paths and credentials, the same on every platform.
 */
export class HttpApi extends Construct {
  private readonly rest: RestApi;

  constructor(scope: Construct, id: string, { stage }: HttpApiProps) {
    super(scope, id);
    this.rest = new RestApi(this, 'Rest', {
      restApiName: `mercato-${stage.name}`,
      endpointTypes: [EndpointType.REGIONAL],
      // everything may be binary: compressed pages and documents go out as they are
      binaryMediaTypes: ['*/*'],
      cloudWatchRole: false,
      // without it an emulator's redeploy of a changed API takes the stage away
      retainDeployments: true,
      deployOptions: {
        stageName: STAGE_NAME,
        tracingEnabled: !stage.local,
      },
    });
    Validations.of(this.rest).acknowledge(
      {
        id: 'AwsSolutions-APIG1',
        reason:
          'each function logs a line a request; access logs need a role in the settings of the whole account, and a stage that asks for them fails to deploy where there is none',
      },
      {
        id: 'AwsSolutions-APIG2',
        reason: 'the contract in the function checks every request, the same on all platforms',
      },
      {
        id: 'AwsSolutions-APIG3',
        reason: 'a firewall is for the account to choose and to pay; logins are throttled by us',
      },
      { id: 'AwsSolutions-APIG4', reason: 'the contract in the function decides who may call, closed by default' },
      {
        id: 'AwsSolutions-COG4',
        reason: 'the identity context signs the tokens; Cognito is not on the free emulators',
      },
      {
        id: 'AwsSolutions-APIG6',
        reason: 'one line a request says all; execution logs need an account-wide role',
      },
    );
    // emulators have no such resources, and no such limits
    if (!stage.local) this.answerWithProblems();
    if (stage.local) {
      // a fixed address on emulators, over all redeployments: MiniStack and LocalStack each read their own tag
      Tags.of(this.rest).add('ms-custom-id', LOCAL_API_ID);
      Tags.of(this.rest).add('_custom_id_', LOCAL_API_ID);
    }
    const { stack } = this.rest;
    new CfnOutput(stack, 'ApiId', { value: this.rest.restApiId });
    new CfnOutput(stack, 'ApiStage', { value: STAGE_NAME });
    new CfnOutput(stack, 'ApiUrl', { value: this.rest.url });
  }

  get id(): string {
    return this.rest.restApiId;
  }

  readonly stageName = STAGE_NAME;

  /** Gives the gateway's own answers the form of all others, RFC 9457. */
  private answerWithProblems(): void {
    for (const { type, title, status } of OWN_ANSWERS) {
      // messageString is a JSON string, with its quotes
      const members = `"type":"about:blank","title":"${title}",${status ? `"status":${status},` : ''}"detail":$context.error.messageString`;
      this.rest.addGatewayResponse(type.responseType, {
        type,
        ...(status && { statusCode: String(status) }),
        ...(type === ResponseType.THROTTLED && { responseHeaders: RETRY_AFTER }),
        templates: { 'application/problem+json': `{${members},"request_id":"$context.requestId"}` },
      });
    }
  }

  /**
   * The address for functions that call the API themselves. Made from the API's id alone: the address of its stage would
   * be a circle in CloudFormation for those that it calls in turn.
   */
  get url(): string {
    const { region, urlSuffix } = Stack.of(this);
    return `https://${this.rest.restApiId}.execute-api.${region}.${urlSuffix}/${STAGE_NAME}`;
  }

  /** Lets a function reach the API, wherever it runs: kernel's `ownApiUrl()`. */
  reachableBy(caller: LambdaFunction, stage: Stage): void {
    if (stage.local) {
      // a function's way to the emulator is known to the function alone
      caller.addEnvironment('API_ID', this.id);
      caller.addEnvironment('API_STAGE', this.stageName);
    } else caller.addEnvironment('API_URL', this.url);
  }

  /** Hands everything at and below the prefixes (`/api/users`; `/` is all that nobody else has) to a function. */
  route(handler: IFunction, ...prefixes: string[]): void {
    // one permission a function: one for each path takes a seventh of the 500 resources that a stack may have
    const integration = new LambdaIntegration(handler, { scopePermissionToMethod: false });
    for (const prefix of prefixes) {
      const resource = prefix
        .split('/')
        .filter(Boolean)
        .reduce<IResource>((parent, part) => parent.getResource(part) ?? parent.addResource(part), this.rest.root);
      resource.addMethod('ANY', integration);
      resource.addResource('{proxy+}').addMethod('ANY', integration);
    }
  }
}

/** Eight hexadecimal characters, as MiniStack wants them. */
const LOCAL_API_ID = '3e2ca700';
