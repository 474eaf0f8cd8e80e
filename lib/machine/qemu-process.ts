import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

import { readProcess } from './ownership/processes.js';
import { parseCommandLine, type QemuOption, withConfigs } from './qemu-command-line/index.js';

/**
 * The QEMU that a launcher runs: the launcher itself where it has replaced itself by QEMU, else the youngest generation below it. Known by
 * its name, else by the monitor's port on its command line. The launcher, if there is none to be seen.
 */
export function qemuBelow(launcher: number, monitorPort: number): number {
  const namesPort = (words: readonly string[]): boolean =>
    words.some((word) => new RegExp(`:${monitorPort}(?!\\d)`).test(word));
  return youngest(launcher, isQemu) ?? youngest(launcher, namesPort) ?? launcher;
}

/** The options that the QEMU below a launcher was started with, files of -readconfig included; undefined while there is none. */
export function optionsOfQemu(launcher: number): readonly QemuOption[] | undefined {
  const pid = youngest(launcher, isQemu);
  if (pid === undefined) return undefined;
  return withConfigs(parseCommandLine(commandLineOf(pid).slice(1)), (file) => {
    try {
      return readFileSync(path.resolve(readlinkSync(`/proc/${pid}/cwd`), file), 'utf8');
    } catch {
      // Another user's, or gone: what is in it stays unknown.
      return undefined;
    }
  });
}

/** By the name of the program: sudo above it, and a script that stands in for it, have QEMU's name among their arguments only. */
function isQemu([program = '']: readonly string[]): boolean {
  return /^(qemu-system-|qemu-kvm$|kvm$)/.test(path.basename(program));
}

function youngest(launcher: number, fits: (words: readonly string[]) => boolean): number | undefined {
  if (fits(commandLineOf(launcher))) return launcher;
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
  let best: { readonly pid: number; readonly depth: number } | undefined;
  for (const pid of parents.keys()) {
    const below = depth(pid);
    if (below !== undefined && below > (best?.depth ?? -1) && fits(commandLineOf(pid)))
      best = { pid, depth: below };
  }
  return best?.pid;
}

/** A process's arguments, as the kernel has them; none when it has ended. */
export function commandLineOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}
