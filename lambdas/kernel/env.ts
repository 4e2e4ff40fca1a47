/** The value of a setting of this function. Read at first use, so that a module can be loaded without it. */
export function env(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`environment variable ${name} is not set`);
  return value;
}

/** The value of a setting that may be absent. */
export const findEnv = (name: string): string | undefined => process.env[name] || undefined;
