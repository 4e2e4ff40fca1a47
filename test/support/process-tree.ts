import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  pid: number;
  parent: number;
  /** Hundredths of a second of CPU, its ended children's included. */
  ticks: number;
  command: string;
}

/** A process and all below it, from /proc (Linux); empty elsewhere. */
export function processTree(root: number): Process[] {
  const all = new Map<number, Process>();
  let pids: string[] = [];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  for (const name of pids) {
    try {
      // after the name in brackets: state, parent, …; user, system and ended children's time: proc(5), fields 14 to 17
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      all.set(Number(name), { pid: Number(name), parent: Number(fields[1]), ticks, command });
    } catch {
      // it ended while we looked
    }
  }
  const below = (pid: number): boolean => pid === root || (pid > 1 && below(all.get(pid)?.parent ?? 0));
  return [...all.values()].filter(({ pid }) => below(pid));
}
