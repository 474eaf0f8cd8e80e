import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, readProcess, thisWorld } from './processes.js';

/** The first line of an owner's journal: whose it is. */
export interface JournalHead {
  /** Where process numbers mean something: see `thisWorld`. */
  readonly world: string;
  /** The network namespace, where leases are seen. */
  readonly network: string;
  readonly pid: number;
  /** As in ProcessInfo. */
  readonly start: number;
}

/** Of this process. */
export function journalHead(): JournalHead {
  return {
    world: thisWorld(),
    network: readlinkSync('/proc/self/ns/net'),
    pid: process.pid,
    start: readProcess(process.pid)?.start ?? 0,
  };
}

/**
 * Whether the owner of a folder, whose lease nobody seems to hold, may live all the same: in another network namespace its lease is not seen,
 * and in another PID namespace its process is not.
 */
export function mayLive(folder: string): boolean {
  let head: Partial<JournalHead>;
  try {
    const [line = ''] = readFileSync(join(folder, 'journal'), 'utf8').split('\n');
    head = JSON.parse(line) as JournalHead;
  } catch {
    // It was killed before it had begun anything.
    return false;
  }
  const { world = '', network, pid = 0, start = 0 } = head;
  const here = thisWorld();
  if (world === here) return isAlive({ pid, start });
  const [boot] = here.split(' ');
  return world.split(' ')[0] === boot && network !== readlinkSync('/proc/self/ns/net');
}
