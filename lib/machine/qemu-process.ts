import { readdirSync, readFileSync } from 'node:fs';

import { readProcess } from './ownership/processes.js';

/**
 * The QEMU that a launch script runs: the script itself where it has replaced itself by QEMU, else the youngest generation below it
 * that has the monitor's port on its command line, which sudo above it has too. The script, if there is none to be seen.
 */
export function qemuBelow(launcher: number, monitorPort: number): number {
  // A script's own arguments have the bases of its ports only.
  if (namesPort(launcher, monitorPort)) return launcher;
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (found) parents.set(found.pid, found.parent);
  }
  const depth = (pid: number): number | undefined => {
    let steps = 0;
    for (let each: number | undefined = pid; each !== undefined; each = parents.get(each)) {
      if (each === launcher) return steps;
      steps += 1;
    }
    return undefined;
  };
  let best = { pid: launcher, depth: -1 };
  for (const pid of parents.keys()) {
    const below = depth(pid);
    if (below !== undefined && below > best.depth && namesPort(pid, monitorPort))
      best = { pid, depth: below };
  }
  return best.pid;
}

function namesPort(pid: number, port: number): boolean {
  return commandLineOf(pid).some((word) => new RegExp(`:${port}(?!\\d)`).test(word));
}

/** A process's arguments, as the kernel has them; none when it has ended. */
export function commandLineOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}
