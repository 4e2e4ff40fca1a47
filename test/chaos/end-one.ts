import { processTree } from '../support/process-tree';

/** Ends one of the emulator's function processes, whichever it may be, or one whose command line is like `of`. */
export function endOne(emulatorPid: number, of = /\bnode\b/): boolean {
  const functions = processTree(emulatorPid).filter(
    ({ pid, command }) => pid !== emulatorPid && /\bnode\b/.test(command) && of.test(command),
  );
  const victim = functions[Math.floor(Math.random() * functions.length)];
  if (!victim) return false;
  try {
    process.kill(victim.pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
