import { CfnOutput, Validations } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type CfnSecret, Secret, type SecretStringGenerator } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Stage } from './stage';

export interface GeneratedSecretProps {
  stage: Stage;
  description: string;
  /** @default 64 letters and digits: 380 bits */
  generate?: SecretStringGenerator;
  /**
   * The setting whose value `npm run up` and `npm run deploy` put in place of the generated one once the stack is deployed
   * (bin/secret-settings.ts), so that it is in no template, environment or log. An output tells them where.
   */
  setting?: string;
}

/** `SEND_API_TOKEN` → `SendApiTokenSettingArn`: names of outputs have letters and digits only. */
const outputOf = (setting: string): string =>
  `${setting.toLowerCase().replace(/(?:^|_)(\w)/g, (_, first: string) => first.toUpperCase())}SettingArn`;

/** A secret that is made at deployment and never leaves Secrets Manager but to the functions that may read it. */
export class GeneratedSecret extends Secret {
  /** Its ARN by `GetAtt Id`, the same on AWS and on all emulators; MiniStack's `Ref` is the bare name. */
  readonly arn: string;

  constructor(scope: Construct, id: string, { stage, description, generate, setting }: GeneratedSecretProps) {
    super(scope, id, {
      description,
      generateSecretString: generate ?? { passwordLength: 64, excludePunctuation: true },
      removalPolicy: stage.removal,
    });
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'keys are derived from it: a new version is put when one is wanted, and no emulator has rotation schedules',
    });
    this.arn = (this.node.defaultChild as CfnSecret).attrId;
    if (setting) new CfnOutput(this, 'Arn', { value: this.arn }).overrideLogicalId(outputOf(setting));
  }

  /** The right to read the value, and nothing else. */
  grantReads(to: IGrantable): void {
    const statement = new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [this.arn] });
    to.grantPrincipal.addToPrincipalPolicy(statement);
  }
}
