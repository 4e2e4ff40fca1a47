import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** What lists read of a hundred things and of 100,000: a program of its own, on an emulator of its own. */
export function lists(short: boolean): void {
  const many = short ? 5_000 : 100_000;
  execFileSync(process.execPath, ['--import', 'tsx', join(__dirname, 'lists-process.ts'), String(many)], {
    stdio: 'inherit',
  });
}
