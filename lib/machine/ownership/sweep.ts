import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireLease } from '../../host/lease/index.js';
import { mayLive } from './journal.js';
import { folderPrefix, ownerLease } from './names.js';
import { reaperEnvironment, reaperFile } from './watchdog.js';

/** Where run folders lie, as far as this run can know. */
const usualParents = [tmpdir(), '/dev/shm'];

/** Whether the harness whose folder has this name lives. */
export async function isLiving(folderName: string): Promise<boolean> {
  await using lease = await acquireLease(ownerLease(folderName.slice(folderPrefix.length)));
  return lease === undefined;
}

/**
 * Ends and removes what dead harnesses of this user left: after a power failure, or when their watchdog was killed too. A harness
 * is dead when nobody holds its lease, and it cannot live where that is not seen (`mayLive`). Answers the folders that it removed; a living harness's are not touched.
 */
export async function sweepLeftovers(parents: readonly string[] = usualParents): Promise<string[]> {
  const swept: string[] = [];
  for (const parent of parents) {
    for (const name of await namesIn(parent)) {
      const folder = join(parent, name);
      const token = name.startsWith(folderPrefix) ? name.slice(folderPrefix.length) : '';
      if (/^[0-9a-f]{16}$/.test(token) && (await sweepFolder(folder, token))) swept.push(folder);
    }
  }
  return swept;
}

async function sweepFolder(folder: string, token: string): Promise<boolean> {
  // Holding the lease keeps a second sweep away, and tells a living harness from a dead one.
  await using lease = await acquireLease(ownerLease(token), {
    holder: `process ${process.pid}: cleaning up`,
  });
  if (!lease || !(await isMine(folder)) || mayLive(folder)) return false;
  await reap(folder);
  return true;
}

async function namesIn(parent: string): Promise<string[]> {
  try {
    return await readdir(parent);
  } catch (error) {
    // Not every host has /dev/shm.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function isMine(folder: string): Promise<boolean> {
  try {
    const { uid } = await stat(folder);
    return uid === process.getuid?.();
  } catch (error) {
    // Its own watchdog was faster.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function reap(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [reaperFile, folder], { env: reaperEnvironment }, (error) => {
      if (error) reject(new Error(`cleaning up ${folder} failed: ${error.message}`));
      else resolve();
    });
    // A run that ends meanwhile need not wait for it.
    child.unref();
  });
}
