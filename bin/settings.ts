import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { config } from 'dotenv';
import { Trouble } from './screen.cjs';

export const ROOT = resolve(__dirname, '..');

/** Takes over `.env`; what the environment says already goes before it. */
export function loadSettings(): void {
  const file = join(ROOT, '.env');
  if (existsSync(file)) config({ path: file, quiet: true });
}

/** The emulator's port, of `MERCATO_PORT`. @default 4566 */
export function chosenPort(): number {
  const text = process.env['MERCATO_PORT'] || '4566';
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Trouble(
      `MERCATO_PORT is ${JSON.stringify(text)}, which is not a port.`,
      'Set it to a number from 1024 to 65535, in the environment or in .env.',
    );
  }
  return port;
}

/** Where everything lies that belongs to the deployment on a port: state, logs, process ids. */
export const directoryOf = (port: number): string => join(ROOT, '.mercato', String(port));
