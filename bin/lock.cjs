const { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } = require('node:fs');
const { uptime } = require('node:os');
const { dirname } = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');

/** Whether a process with this id runs. @param {number} pid */
function runs(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** The process id in a lock's file, or undefined when there is none. @param {string} file */
function holder(file) {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Whether a process is one of Node.js, as far as the machine says. @param {number} pid */
function isNode(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('node');
  } catch {
    return true;
  }
}

/**
 * Whether the process that took a lock has died. Ids are used again: after a restart of the machine, by another program, in
 * a container by this very process.
 * @param {string} file
 */
function isStale(file) {
  const pid = holder(file);
  if (pid === undefined) return false;
  if (pid === process.pid || !runs(pid) || !isNode(pid)) return true;
  const { mtimeMs = Date.now() } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return mtimeMs < Date.now() - uptime() * 1_000 - 60_000;
}

/**
 * Removes the lock of a process that has died. One process at a time, looking again: else one of two could remove the
 * lock that the other has just taken.
 * @param {string} file @param {string} own
 */
function clearStale(file, own) {
  const clearing = `${file}.clearing`;
  try {
    linkSync(own, clearing);
  } catch {
    if (isStale(clearing)) rmSync(clearing, { force: true });
    return;
  }
  if (isStale(file)) rmSync(file);
  rmSync(clearing);
}

/**
 * Runs `work` while no other process of this machine holds the lock; the lock of a process that died is taken over.
 * @template T
 * @param {string} file
 * @param {(pid: number) => void} onWait called once when another process has kept it for a second
 * @param {() => Promise<T>} work
 */
async function withLock(file, onWait, work) {
  mkdirSync(dirname(file), { recursive: true });
  // a link appears with its content, where a new file would be empty for a moment
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  for (let looks = 0; ; looks++) {
    try {
      linkSync(own, file);
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      if (isStale(file)) clearStale(file, own);
      else if (looks === 10) onWait(holder(file) ?? 0);
      await pause(100);
    }
  }
  rmSync(own);
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

module.exports = { runs, withLock };
