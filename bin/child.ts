import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

const children = new Set<ChildProcess>();

/** Ends the programs that are still running on behalf of this command. */
export function endChildren(): void {
  for (const child of children) child.kill('SIGTERM');
}

/** A program ended with another exit code than 0. */
export class Failed extends Error {
  constructor(
    readonly code: number | null,
    /** What it wrote to both outputs. */
    readonly output: string,
  ) {
    super(`ended with ${code}`);
  }
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** File that gets a copy of all that the program writes. */
  log?: string;
}

/**
 * Runs a program without a terminal and gives back what it wrote.
 * @throws {Failed} when it does not end with 0; a system error when there is no such program
 */
export async function run(command: string, args: string[], { log, ...options }: RunOptions = {}): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let output = '';
  if (log) mkdirSync(dirname(log), { recursive: true });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (log) appendFileSync(log, text);
    });
  }
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    if (code !== 0) throw new Failed(code, output);
    return output;
  } finally {
    children.delete(child);
  }
}
