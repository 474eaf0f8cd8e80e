import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** What a machine that was not ended well would leave, of this process alone: others on the host start and end machines meanwhile. */
export interface Traces {
  /** Processes of this one, by command line. */
  readonly children: readonly string[];
  /** Ports and locks that this process holds. */
  readonly leases: readonly string[];
  /** What lies in this run's folders, in the temp folder and in /dev/shm. */
  readonly files: readonly string[];
  /** Open file descriptors. */
  readonly descriptors: number;
}

/** @param folder a folder of this run (createRunFolder) */
export function tracesOfThisRun(folder: string): Traces {
  const own = path.dirname(folder);
  const sockets = new Set(descriptors().flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  return {
    children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
      .split(' ')
      .filter((pid) => pid !== '')
      .map((pid) => readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 150)),
    leases: readFileSync('/proc/net/unix', 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/).slice(6))
      .filter(([inode, name = '']) => sockets.has(inode ?? '') && name.startsWith('@opentdx-e2e/'))
      // Abstract names are padded with zero bytes, which are shown as this.
      .map(([, name = '']) => name.replace(/@+$/, '')),
    files: [own, path.join('/dev/shm', path.basename(own))].flatMap((each) => namesIn(each)),
    descriptors: descriptors().length,
  };
}

/** What is there after and was not before. */
export function newTraces(before: Traces, after: Traces): string[] {
  const added = (kind: 'children' | 'leases' | 'files'): string[] => {
    const rest = [...after[kind]];
    for (const one of before[kind]) if (rest.includes(one)) rest.splice(rest.indexOf(one), 1);
    return rest.map((one) => `${kind}: ${one}`);
  };
  const opened = after.descriptors - before.descriptors;
  return [
    ...added('children'),
    ...added('leases'),
    ...added('files'),
    ...(opened > 0 ? [`descriptors: ${opened} more`] : []),
  ];
}

function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // The one by which the folder was read.
    }
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return 'a process that has ended';
  }
}
