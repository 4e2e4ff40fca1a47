import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MONTHLY, PRICES } from './prices';

const MINUTES_A_MONTH = 730 * 60;
/** Lambda keeps five long polls of 20 s open on an idle queue: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const POLLS_A_MINUTE = 15;

interface Resource {
  Type: string;
  Properties?: { ScheduleExpression?: string; EventSourceArn?: unknown; Metrics?: { MetricStat?: object }[] };
}
interface Template {
  Resources: Record<string, Resource>;
}

/** What it is paid for: an alarm on an expression is as many as the expression has metrics. */
const partsOf = ({ Properties }: Resource): number =>
  Properties?.Metrics?.filter(({ MetricStat }) => MetricStat).length ?? 1;

export interface Standing {
  what: string;
  count: number;
  dollars: number;
}

/**
 * What the production stage costs a month when nobody uses it, from its template; functions at rest run 50 ms a call.
 * @param dist where the bundles are
 */
export function monthly(dist: string): Standing[] {
  const directory = mkdtempSync(join(tmpdir(), 'mercato-cost-'));
  try {
    execFileSync(process.execPath, ['--import', 'tsx', join(__dirname, '../support/stages.ts'), directory, 'prod'], {
      env: { ...process.env, MERCATO_DIST: dist },
    });
    const assembly = join(directory, 'prod');
    // what is nested is in files of its own
    const resources = readdirSync(assembly)
      .filter((file) => file.endsWith('.template.json'))
      .map((file) => JSON.parse(readFileSync(join(assembly, file), 'utf8')) as Template)
      .flatMap(({ Resources }) => Object.values(Resources));
    const standing: Standing[] = Object.entries(MONTHLY).map(([type, { each, of }]) => {
      const found = resources.filter(({ Type }) => Type === type);
      return { what: of, count: found.length, dollars: each * found.reduce((sum, one) => sum + partsOf(one), 0) };
    });
    const minutely = resources.filter(({ Properties }) => Properties?.ScheduleExpression === 'rate(1 minute)').length;
    const runs = minutely * MINUTES_A_MONTH;
    const aRun = PRICES.invocations.each + 0.05 * 0.5 * PRICES.gb_seconds.each;
    standing.push({ what: 'schedule of a minute', count: minutely, dollars: runs * aRun });
    const polled = resources.filter(
      ({ Type, Properties }) =>
        Type === 'AWS::Lambda::EventSourceMapping' && JSON.stringify(Properties?.EventSourceArn).includes('Queue'),
    ).length;
    const polls = polled * POLLS_A_MINUTE * MINUTES_A_MONTH;
    standing.push({ what: 'queue that is polled', count: polled, dollars: polls * PRICES.queue_requests.each });
    return standing;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
