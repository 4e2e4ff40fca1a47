import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = join(tmpdir(), 'mercato-functions-');
const noteOf = (dir: string): string => join(dir, 'scratch');

/** Removes what `newScratch` made for the same directory. */
export function clearScratch(dir: string): void {
  const note = noteOf(dir);
  const scratch = existsSync(note) ? readFileSync(note, 'utf8') : '';
  if (scratch.startsWith(PREFIX)) rmSync(scratch, { recursive: true, force: true });
  rmSync(note, { force: true });
}

/**
 * A temporary directory for an emulator, which unpacks the functions there and leaves them behind. Outside the project:
 * below it the functions would find its node_modules, as they never do on AWS.
 */
export function newScratch(dir: string): string {
  clearScratch(dir);
  const scratch = mkdtempSync(PREFIX);
  writeFileSync(noteOf(dir), scratch);
  return scratch;
}
