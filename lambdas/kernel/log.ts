type Level = 'debug' | 'info' | 'warn' | 'error';

/** Fields that every line of the running invocation carries (request id, context). */
let common: Record<string, unknown> = {};

export const setLogContext = (fields: Record<string, unknown>): void => {
  common = fields;
};

const describe = (value: unknown): unknown =>
  value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;

/**
 * Writes one JSON line to standard output, which Lambda ships to CloudWatch Logs.
 * Never pass credentials, personal data or whole bodies: log ids.
 */
export function log(level: Level, message: string, fields: Record<string, unknown> = {}): void {
  const line: Record<string, unknown> = { level, message, at: new Date().toISOString(), ...common };
  for (const [name, value] of Object.entries(fields)) line[name] = describe(value);
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
