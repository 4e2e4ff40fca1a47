import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runs } from './lock.cjs';
import { answers } from './port';
import { ProcessFile } from './process-file';
import { projectPython } from './python';
import { clearScratch, newScratch } from './scratch';
import { Trouble } from './screen.cjs';

export interface MiniStackOptions {
  port: number;
  /** Holds the state and the log. Started again on the same directory, it goes on with the data. */
  dir: string;
  /** Enforces the roles' policies. Deploy without, stop, then start with it on the saved state. @default false */
  enforceIam?: boolean;
}

/** Shown in the process's command line, so that ours can be told from any other process of the same id. */
const markOf = (dir: string): string => `mercato=${dir}`;
const fileOf = (dir: string): ProcessFile => new ProcessFile(join(dir, 'ministack.pid'), markOf(dir));

/** The process of the MiniStack that runs on a directory, or undefined. */
export const findMiniStack = (dir: string): Promise<number | undefined> => fileOf(dir).find();

/** MiniStack hands its whole environment to every function, so it gets the least: no credentials, no AWS_ENDPOINT_URL. */
function environment({ port, dir, enforceIam }: MiniStackOptions): NodeJS.ProcessEnv {
  const certificates = process.env['NODE_EXTRA_CA_CERTS'];
  return {
    ...(certificates !== undefined && { NODE_EXTRA_CA_CERTS: certificates }),
    TMPDIR: newScratch(dir),
    // the Node.js that runs this command also runs the functions
    PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    IOT_MTLS_ENABLED: '0',
    PERSIST_STATE: '1',
    STATE_DIR: join(dir, 'state'),
    S3_PERSIST: '1',
    S3_DATA_DIR: join(dir, 's3'),
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    ...(enforceIam && { AUTH: 'true' }),
  };
}

/** Whether a MiniStack has saved its data in a directory. */
export const hasState = (dir: string): boolean => existsSync(join(dir, 'state', 'cloudformation.json'));

/**
 * MiniStack writes objects of S3 at once, all else when it stops. When it never stopped cleanly, those objects are left
 * over from something that is gone, and stand in the way of what is made anew.
 */
function clearLeftovers(dir: string): void {
  if (!hasState(dir)) rmSync(join(dir, 's3'), { recursive: true, force: true });
}

/**
 * MiniStack saves how far functions have read each table's stream, but not the streams: they begin at 0 again, and nothing
 * written would be seen until as much had been written as before.
 */
function rewindStreams(dir: string): void {
  const file = join(dir, 'state', 'lambda.json');
  if (!existsSync(file)) return;
  const state = JSON.parse(readFileSync(file, 'utf8')) as { payload?: Record<string, unknown> };
  if (!state.payload?.['dynamodb_stream_positions']) return;
  delete state.payload['dynamodb_stream_positions'];
  writeFileSync(file, JSON.stringify(state));
}

/**
 * Starts MiniStack, detached: it outlives the command. Ready within a second.
 * @throws {Trouble} without Python ≥ 3.10, or when it does not come up within half a minute
 */
export async function startMiniStack(options: MiniStackOptions): Promise<{ pid: number; stop: () => Promise<void> }> {
  const { port, dir } = options;
  const python = await projectPython();
  if (!python)
    throw new Trouble('There is no Python 3.10 or newer on this machine.', 'Install one and run this again.');
  mkdirSync(dir, { recursive: true });
  clearLeftovers(dir);
  rewindStreams(dir);
  const file = join(dir, 'ministack.log');
  const log = openSync(file, 'w');
  const child = spawn(python, ['-X', markOf(dir), '-m', 'ministack'], {
    cwd: dir,
    detached: true,
    stdio: ['ignore', log, log],
    env: environment(options),
  });
  closeSync(log);
  child.unref();
  const { pid } = child;
  let ended = pid === undefined;
  child.once('exit', () => (ended = true)).once('error', () => (ended = true));
  if (pid !== undefined) fileOf(dir).write(pid);
  for (const deadline = Date.now() + 30_000; !ended && !(await answers(port, 'ministack')); await pause(50)) {
    if (Date.now() > deadline) child.kill('SIGKILL');
  }
  if (pid === undefined || ended) {
    const last = readFileSync(file, 'utf8').trim().split('\n').at(-1);
    throw new Trouble(`The emulator did not start: ${last || 'it says nothing'}`, `Its log is ${file}.`);
  }
  return { pid, stop: () => stopMiniStack(dir) };
}

/**
 * Ends the MiniStack of a directory so that it saves its state, and waits for it: some two seconds.
 * @throws {Trouble} when it is still there after a minute
 */
export async function stopMiniStack(dir: string): Promise<void> {
  const pid = await findMiniStack(dir);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    for (const deadline = Date.now() + 60_000; runs(pid); await pause(50)) {
      if (Date.now() < deadline) continue;
      throw new Trouble(
        `The emulator (process ${pid}) does not stop.`,
        `Try again later, or end it with kill -9 ${pid}: what happened since its last clean stop is lost then.`,
      );
    }
  }
  fileOf(dir).clear();
  clearScratch(dir);
}
