import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MONTHLY, PRICES } from './prices';

const MINUTES_A_MONTH = 730 * 60;
/** Lambda keeps five long polls of 20 s open on an idle queue: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const POLLS_A_MINUTE = 15;

interface Template {
  Resources: Record<string, { Type: string; Properties?: { ScheduleExpression?: string; EventSourceArn?: unknown } }>;
}

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
    const template = readFileSync(join(directory, 'prod', 'mercato-prod.template.json'), 'utf8');
    const resources = Object.values((JSON.parse(template) as Template).Resources);
    const standing: Standing[] = Object.entries(MONTHLY).map(([type, { each, of }]) => {
      const count = resources.filter(({ Type }) => Type === type).length;
      return { what: of, count, dollars: count * each };
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
