import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed, run } from './child';
import { withLock } from './lock.cjs';
import { say, step, Trouble } from './screen.cjs';
import { ROOT } from './settings';

const REQUIREMENTS = join(ROOT, 'requirements.txt');
const VENV = join(ROOT, '.mercato', 'venv');
const PYTHON = join(VENV, 'bin', 'python');
/** Written last of all, so that an interrupted installation has none. */
const STAMP = join(VENV, 'installed');
const LOG = join(ROOT, '.mercato', 'venv.log');

const NAMES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];
const NO_NETWORK =
  /NewConnectionError|ConnectionError|Temporary failure in name resolution|timed out|No route to host|ProxyError|getaddrinfo/;

/** The name of a Python ≥ 3.10 of this machine, or undefined. */
export async function findPython(): Promise<string | undefined> {
  for (const name of NAMES) {
    const supported = await run(name, ['-c', 'import sys; print(sys.version_info >= (3, 10))']).catch(() => '');
    if (supported.includes('True')) return name;
  }
  return undefined;
}

/** What is installed, and for which interpreter: an upgrade of the machine's Python leaves the packages behind. */
const stamp = (): string =>
  `${createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex')} ${realpathSync(PYTHON)}`;

function isReady(): boolean {
  return existsSync(PYTHON) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp();
}

async function makeVenv(python: string): Promise<void> {
  rmSync(VENV, { recursive: true, force: true });
  rmSync(LOG, { force: true });
  try {
    await run(python, ['-m', 'venv', VENV], { log: LOG });
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    // Debian and Ubuntu ship Python without ensurepip; a pip of the system's own can step in for it
    await run(python, ['-m', 'venv', '--without-pip', VENV], { log: LOG })
      .then(() => run(python, ['-m', 'pip', '--python', PYTHON, '--version'], { log: LOG }))
      .catch(() => {
        throw new Trouble(
          'The Python of this machine cannot make virtual environments (its venv or ensurepip module is missing).',
          'On Debian and Ubuntu: sudo apt-get install python3-venv. Or start Docker, and LocalStack is used instead.',
        );
      });
  }
}

async function install(python: string): Promise<void> {
  await makeVenv(python);
  const ownPip = existsSync(join(VENV, 'bin', 'pip'));
  const pip = ownPip ? [PYTHON, '-m', 'pip'] : [python, '-m', 'pip', '--python', PYTHON];
  const [command = PYTHON, ...args] = [
    ...pip,
    'install',
    '--quiet',
    '--no-input',
    '--retries',
    '2',
    '-r',
    REQUIREMENTS,
  ];
  try {
    await run(command, args, { log: LOG, env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1' } });
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    const offline = NO_NETWORK.test(error.output);
    throw new Trouble(
      offline
        ? 'The emulator could not be downloaded: the Python package index does not answer.'
        : `The emulator could not be installed: ${error.output.trim().split('\n').at(-1)}`,
      `${offline ? 'Connect to the network and run' : 'Run'} the same command again; pip says more in .mercato/venv.log.`,
    );
  }
  writeFileSync(STAMP, stamp());
}

/**
 * The Python of the project's own virtual environment, with the emulator of requirements.txt in it. Made when it is
 * missing, half made, or of other requirements (some ten seconds), else a look at two files.
 * @returns undefined when the machine has no Python ≥ 3.10
 */
export async function projectPython(): Promise<string | undefined> {
  if (isReady()) return PYTHON;
  const python = await findPython();
  if (!python) return undefined;
  const waiting = (pid: number) => say(`  another command (process ${pid}) is installing the emulator: waiting for it`);
  await withLock(join(ROOT, '.mercato', 'venv.lock'), waiting, async () => {
    if (!isReady()) await step('Install the emulator', () => install(python));
  });
  return PYTHON;
}
