const UNIT_SECONDS: Record<string, number> = { minute: 60, hour: 3_600, day: 86_400 };

const MINUTE_MS = 60_000;
/** As far as a next time is looked for: a field of minutes and hours comes true within a day. */
const LOOKED_MINUTES = 25 * 60;

const holds = (field: string, value: number): boolean =>
  field === '*' || field.split(',').some((one) => Number(one) === value);

/** The next time of minutes and hours; undefined where the other fields say more than that any day will do. */
function nextOfCron(fields: string[], after: Date): Date | undefined {
  const [minutes = '', hours = '', ...others] = fields;
  if (!others.every((field) => field === '*' || field === '?')) return undefined;
  const first = Math.floor(after.getTime() / MINUTE_MS) + 1;
  for (let minute = first; minute < first + LOOKED_MINUTES; minute++) {
    const at = new Date(minute * MINUTE_MS);
    if (holds(minutes, at.getUTCMinutes()) && holds(hours, at.getUTCHours())) return at;
  }
  return undefined;
}

/**
 * When a rule of EventBridge fires next, `rate(…)` counted from the last time; undefined where that cannot be told.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */
export function nextRun(expression: string, last: string | null, now: Date): Date | undefined {
  const [, value = '', unit = ''] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (value) {
    const step = Number(value) * (UNIT_SECONDS[unit] ?? 0) * 1_000;
    if (last === null || !step) return undefined;
    const from = new Date(last).getTime();
    const steps = Math.max(1, Math.ceil((now.getTime() - from) / step));
    return new Date(from + steps * step);
  }
  const [, cron] = /^cron\(([^)]+)\)$/.exec(expression) ?? [];
  return cron === undefined ? undefined : nextOfCron(cron.trim().split(/\s+/), now);
}
