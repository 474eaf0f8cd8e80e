import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { budgetClock } from '../../host/budget/index.js';
import { InfrastructureError } from '../../errors.js';
import { acquireLock, type Lease } from '../../host/lease/index.js';

/** Somebody who is not of this harness runs a VM on the disk. */
export class DiskInUseError extends InfrastructureError {
  override readonly name = 'DiskInUseError';
}

export interface DiskLockOptions {
  /** What others are told: who holds the disk. */
  readonly holder: string;
  /** For a run of this harness to give the disk back. Default: 60 s. */
  readonly budgetMs?: number;
  /** Called with what the holder says of itself. */
  readonly onWait?: (holder: string) => void;
}

const lockBudgetMs = 60_000;
/** A run that was killed gives its lock back at once, and its QEMU is gone 3 s later. */
const qemuEndMs = 5_000;
const pollMs = 100;

/**
 * Takes a VM's writable disk for one launch. Two VMs on one file system destroy it: runs of this harness wait for each other, whatever
 * user or path they come by; for a VM that somebody started by hand nobody waits.
 *
 * @throws LockTimeoutError naming the run that holds it
 * @throws DiskInUseError naming the QEMU that holds it
 */
export async function lockDisk(file: string, options: DiskLockOptions): Promise<Lease> {
  const { holder, budgetMs = lockBudgetMs, onWait } = options;
  const { dev, ino } = await stat(file, { bigint: true });
  const lease = await acquireLock(`disk/${dev}-${ino}`, holder, {
    scope: 'machine',
    budgetMs,
    ...(onWait ? { onWait } : {}),
  });
  try {
    const end = budgetClock.now() + qemuEndMs;
    while (await isLocked(dev, ino)) {
      if (budgetClock.now() > end) throw new DiskInUseError(await inUseMessage(file));
      await delay(pollMs);
    }
  } catch (error) {
    await lease.release();
    throw error;
  }
  return lease;
}

/** Whether any process has the file locked: QEMU locks the images that it opens (OFD locks), and /proc/locks shows everybody's. */
async function isLocked(dev: bigint, ino: bigint): Promise<boolean> {
  const locks = await readFile('/proc/locks', 'utf8');
  return locks.split('\n').some((line) => line.includes(` ${inodeName(dev, ino)} `));
}

/** As /proc/locks names an inode, `MAJOR:MINOR:INODE`: see proc(5); the fields of a device number are glibc's gnu_dev_major(). */
function inodeName(dev: bigint, ino: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const two = (value: bigint): string => value.toString(16).padStart(2, '0');
  return `${two(major)}:${two(minor)}:${ino}`;
}

async function inUseMessage(file: string): Promise<string> {
  const holders = await holdersOf(file);
  const who = holders.length === 0 ? 'A process of another user' : `Process ${holders.join(' and ')}`;
  const remedy =
    holders.length === 0
      ? '`sudo lslocks` names it; in the terminal of a QEMU, Ctrl-A x ends it'
      : `in the terminal of a QEMU: Ctrl-A x; or: sudo kill ${holders.join(' ')}`;
  return (
    `${who} has ${file} locked, and this harness did not start it. Two VMs on one disk destroy its file system. ` +
    `End it (${remedy}), then run again.`
  );
}

/** A lock of an open file description has no owner in /proc/locks. Who has the file open is told of this user's processes, and to root. */
async function holdersOf(file: string): Promise<string[]> {
  const { dev, ino } = await stat(file);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const holds = async (pid: string): Promise<boolean> => {
    const folder = `/proc/${pid}/fd`;
    for (const fd of await readdir(folder).catch(() => [])) {
      const open = await stat(`${folder}/${fd}`).catch(() => undefined);
      if (open?.dev === dev && open.ino === ino) return true;
    }
    return false;
  };
  const found: string[] = [];
  for (const pid of pids) if (await holds(pid)) found.push(pid);
  return found;
}
