import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { run } from './child';
import { runs } from './lock.cjs';

/** How a process was started, from /proc where there is one, else from ps; empty when it is not known. */
async function commandLine(pid: number): Promise<string> {
  const file = `/proc/${pid}/cmdline`;
  if (existsSync(file)) return readFileSync(file, 'utf8').replaceAll('\0', ' ');
  return run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => '');
}

/** A process id kept in a file, believed only while a process of that id runs that was started with `mark`. */
export class ProcessFile {
  constructor(
    private readonly file: string,
    private readonly mark: string,
  ) {}

  write(pid: number): void {
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, String(pid));
  }

  clear(): void {
    rmSync(this.file, { force: true });
  }

  /** The running process, or undefined; process ids are used again, so a number alone proves nothing. */
  async find(): Promise<number | undefined> {
    if (!existsSync(this.file)) return undefined;
    const pid = Number(readFileSync(this.file, 'utf8'));
    if (!runs(pid)) return undefined;
    return (await commandLine(pid)).includes(this.mark) ? pid : undefined;
  }
}
