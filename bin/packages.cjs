const { spawn } = require('node:child_process');
const { existsSync, lstatSync, readFileSync, unlinkSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { withLock } = require('./lock.cjs');
const { Trouble, say, step } = require('./screen.cjs');

/** @typedef {{ packages: Record<string, { version?: string; optional?: boolean }> }} Lockfile */

/** @param {string} file @returns {Lockfile | undefined} */
function readLockfile(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Whether node_modules holds what package-lock.json asks for. npm writes its own record of what it installed last of
 * all, so an interrupted install has none. Optional packages may be absent: those of other platforms are.
 * @param {string} root
 */
function inStep(root) {
  const wanted = readLockfile(join(root, 'package-lock.json'));
  const installed = readLockfile(join(root, 'node_modules', '.package-lock.json'));
  if (!wanted || !installed) return false;
  return Object.entries(wanted.packages).every(([path, { version, optional }]) => {
    const found = installed.packages[path];
    if (path === '' || (!found && optional)) return true;
    return found?.version === version && existsSync(join(root, path, 'package.json'));
  });
}

const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|SOCKET_TIMEOUT/;

/** Runs `npm ci` and gives back its exit code and all it printed. @param {string} root */
async function npmCi(root) {
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.includes('npm-cli') ? [process.execPath, [cli]] : ['npm', []];
  const options = ['--include=dev', '--prefer-offline', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  // npm's own patience without a network is some two minutes
  const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
  const child = spawn(command, [...first, 'ci', ...options, ...patience], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SCARF_ANALYTICS: 'false', npm_config_loglevel: 'error' },
  });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { code, output };
}

/** @param {string} root */
async function install(root) {
  const modules = join(root, 'node_modules');
  // npm ci empties what a link leads to, which belongs to somebody else
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(modules);
  const { code, output } = await npmCi(root);
  if (code === 0) return;
  writeFileSync(join(root, '.mercato', 'install.log'), output);
  if (NO_NETWORK.test(output)) {
    throw new Trouble(
      'The packages could not be downloaded: the npm registry does not answer.',
      'Connect to the network (or set the registry or proxy in your .npmrc) and run the same command again.',
    );
  }
  const reason = /^npm (?:error|ERR!) (?!code )(.+)/m.exec(output)?.[1] ?? `npm ci ended with ${code}`;
  throw new Trouble(
    `The packages could not be installed: ${reason}`,
    'npm says more in .mercato/install.log; running the same command again starts the installation afresh.',
  );
}

/**
 * Makes node_modules hold what package-lock.json asks for; costs some 10 ms when it does already.
 * @param {string} root
 */
async function installPackages(root) {
  if (inStep(root)) return;
  const waiting = (/** @type {number} */ pid) =>
    say(`  another command (process ${pid}) is installing: waiting for it`);
  await withLock(join(root, '.mercato', 'install.lock'), waiting, async () => {
    if (!inStep(root)) await step('Install packages', () => install(root));
  });
}

module.exports = { inStep, installPackages };
