import { setTimeout as pause } from 'node:timers/promises';
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import colours from 'picocolors';
import { clientConfig } from './deployment';
import { whatListens } from './port';

/** Lines that Lambda itself writes around each invocation. */
const PLATFORM = /^(START|END|REPORT|INIT_START) /;
/** Lines may arrive late and out of order: each look goes back so far. */
const OVERLAP_MS = 10_000;
const LEVELS: Record<string, (text: string) => string> = {
  ERROR: colours.red,
  WARN: colours.yellow,
  INFO: colours.green,
  DEBUG: colours.dim,
};

const OURS = 'mercato-local-';

/** `/aws/lambda/mercato-local-OrdersApi1B2C3D4E-5F6A…`, `mercato-local-OrdersApiLogs1B2C3D4E-…` → `OrdersApi`. */
const nameOf = (group: string): string =>
  group
    .replace(/^.*mercato-local-/, '')
    .replace(/-\w+$/, '')
    .replace(/[0-9A-F]{8}$/, '')
    .replace(/Logs$/, '');

function shown(value: unknown): string {
  if (typeof value === 'string') return /[\s"]/.test(value) ? JSON.stringify(value) : value;
  const { name, message } = (value ?? {}) as { name?: unknown; message?: unknown };
  return typeof message === 'string' ? JSON.stringify(name ? `${name}: ${message}` : message) : JSON.stringify(value);
}

/** One log event as one line: time, function, level, message, fields. Other text than our JSON stays as it is. */
export function readable(group: string, at: number, text: string): string {
  const time = colours.dim(new Date(at).toTimeString().slice(0, 8));
  const name = nameOf(group).padEnd(22);
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return `${time} ${name} ${text.trimEnd()}`;
  }
  if (typeof line !== 'object' || line === null) return `${time} ${name} ${text.trimEnd()}`;
  const { level, message, at: _, ...fields } = line;
  const tag = String(level ?? '').toUpperCase();
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${shown(value)}`);
  return `${time} ${name} ${(LEVELS[tag] ?? String)(tag.padEnd(5))} ${message ?? ''} ${colours.dim(rest.join(' '))}`.trimEnd();
}

async function ownGroups(client: CloudWatchLogsClient, abortSignal: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  for (let nextToken: string | undefined, page = 0; page === 0 || nextToken; page++) {
    const answer = await client.send(new DescribeLogGroupsCommand({ nextToken }), { abortSignal });
    names.push(...(answer.logGroups ?? []).map(({ logGroupName = '' }) => logGroupName));
    nextToken = answer.nextToken;
  }
  return names.filter((name) => name.includes(OURS));
}

/**
 * Prints the functions' log lines from now on, until the signal or until the emulator is gone.
 * Takes at most a quarter of the emulator's time: it has to look through a stream per invocation.
 */
export async function followLogs(port: number, signal: AbortSignal, print: (line: string) => void): Promise<void> {
  const client = new CloudWatchLogsClient({ ...clientConfig(port), maxAttempts: 2 });
  let seen = new Map<string, number>();
  const since = Date.now();
  while (!signal.aborted) {
    const began = Date.now();
    const startTime = Math.max(since, began - OVERLAP_MS);
    const lines: { at: number; line: string }[] = [];
    try {
      for (const logGroupName of await ownGroups(client, signal)) {
        const request = new FilterLogEventsCommand({ logGroupName, startTime });
        const { events = [] } = await client.send(request, { abortSignal: signal });
        for (const { timestamp = began, logStreamName, message = '' } of events) {
          const key = `${logStreamName} ${timestamp} ${message}`;
          if (seen.has(key) || PLATFORM.test(message)) continue;
          seen.set(key, timestamp);
          lines.push({ at: timestamp, line: readable(logGroupName, timestamp, message) });
        }
      }
    } catch {
      // one call of many may fail: the next look goes back far enough
      if (signal.aborted || !(await whatListens(port))) return;
    }
    for (const { line } of lines.sort((a, b) => a.at - b.at)) print(line);
    seen = new Map([...seen].filter(([, at]) => at >= startTime));
    await pause(Math.max(1_000, 3 * (Date.now() - began)), undefined, { signal }).catch(() => undefined);
  }
}
