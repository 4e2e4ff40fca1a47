const { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
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
    if (!runs(holder(clearing) ?? process.pid)) rmSync(clearing, { force: true });
    return;
  }
  if (!runs(holder(file) ?? process.pid)) rmSync(file);
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
      const pid = holder(file);
      if (pid === undefined) continue;
      if (!runs(pid)) clearStale(file, own);
      else if (looks === 10) onWait(pid);
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
