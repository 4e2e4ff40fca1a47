import { NestedStack, Stack } from 'aws-cdk-lib';
import { Alarm, type AlarmProps, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

const ID = 'Alarms';

/** The stack that holds all alarms; made with the first. */
function nested(stack: Stack): Stack {
  const found = stack.node.tryFindChild(ID);
  return found ? (found as NestedStack) : new NestedStack(stack, ID, { description: 'Alarms of Mercato' });
}

export interface HouseAlarmProps extends Pick<AlarmProps, 'metric' | 'threshold'> {
  /** What does not happen while it rings, as a sentence. */
  impact: string;
  /** The paragraph of docs/runbook.md to read. */
  runbook: 'dead-letters' | 'a-function-fails';
}

/**
 * Rings when one period reaches the threshold; its text says the impact and names the runbook's paragraph. Alarms lie in a
 * nested stack: with them, the backend has more than the 500 resources that CloudFormation takes in one.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
 */
export function alarm(of: Construct, name: string, { metric, threshold, impact, runbook }: HouseAlarmProps): Alarm {
  const stack = Stack.of(of);
  const path = of.node.path.slice(stack.node.path.length).replaceAll('/', '');
  return new Alarm(nested(stack), `${path}${name}`, {
    metric,
    threshold,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription: `${impact} Runbook: docs/runbook.md#${runbook}`,
  });
}
