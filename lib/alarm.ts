import { Duration } from 'aws-cdk-lib';
import { Alarm, type AlarmProps, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { nestedFor } from './nested-stack';

export interface HouseAlarmProps extends Pick<AlarmProps, 'metric' | 'threshold'> {
  /** What does not happen while it rings, as a sentence. */
  impact: string;
  /** The paragraph of docs/runbook.md to read. */
  runbook: 'dead-letters' | 'a-function-fails' | 'a-stream-lags';
}

/** Rings when one period reaches the threshold; its text says the impact and names the runbook's paragraph. */
export function alarm(of: Construct, name: string, { metric, threshold, impact, runbook }: HouseAlarmProps): Alarm {
  const alarms = nestedFor(of, 'Alarms');
  return new Alarm(alarms.scope, `${alarms.name}${name}`, {
    metric,
    threshold,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription: `${impact} Runbook: docs/runbook.md#${runbook}`,
  });
}

/** Rings when a function on a stream is a quarter of an hour behind: long before the stream forgets what it has not read. */
export const lagAlarm = (of: IFunction, impact: string): Alarm =>
  alarm(of, 'Lag', {
    metric: of.metric('IteratorAge', { statistic: Stats.MAXIMUM, period: Duration.minutes(5) }),
    threshold: Duration.minutes(15).toMilliseconds(),
    impact,
    runbook: 'a-stream-lags',
  });
