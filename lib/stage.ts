import { RemovalPolicy } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Node } from 'constructs';

/** All that differs between stages, in one place. */
export interface Stage {
  name: 'local' | 'dev' | 'prod';
  /** What becomes of tables, buckets and secrets when the stack goes. */
  removal: RemovalPolicy;
  logRetention: RetentionDays;
  /** Alarms on dead letters, errors and lag. Emulators evaluate none of them. */
  alarms: boolean;
  /** Runs on an emulator: the clock can be moved, webhooks may go to this machine. */
  local: boolean;
  /** Stand-ins play the outside services that the deployer named no address for: locally, and with `--context sandbox=true`. */
  sandbox: boolean;
  /** Continuous backups of the tables (DynamoDB point-in-time recovery). */
  backups: boolean;
}

const STAGES: Record<Stage['name'], Omit<Stage, 'name' | 'sandbox'>> = {
  local: {
    removal: RemovalPolicy.DESTROY,
    logRetention: RetentionDays.ONE_WEEK,
    alarms: false,
    local: true,
    backups: false,
  },
  dev: {
    removal: RemovalPolicy.DESTROY,
    logRetention: RetentionDays.TWO_WEEKS,
    alarms: true,
    local: false,
    backups: true,
  },
  prod: {
    removal: RemovalPolicy.RETAIN,
    logRetention: RetentionDays.SIX_MONTHS,
    alarms: true,
    local: false,
    backups: true,
  },
};

/** The stage of `--context stage=…`. @default local */
export function stageOf(node: Node): Stage {
  const name = (node.tryGetContext('stage') ?? 'local') as Stage['name'];
  const stage = STAGES[name];
  if (!stage) throw new Error(`unknown stage ${name}, expected one of ${Object.keys(STAGES).join(', ')}`);
  const sandbox = stage.local || (name !== 'prod' && String(node.tryGetContext('sandbox')) === 'true');
  return { name, ...stage, sandbox };
}
