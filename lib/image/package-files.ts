import { link, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import { downloadPackages } from '../debian/download.js';
import type { PackageLock } from '../debian/lock.js';
import { packagesOf } from '../debian/lock.js';
import { fileOf } from '../debian/package.js';
import { cacheSubfolder } from '../host/cache-folder.js';
import type { BuildContext } from './build-context.js';

/**
 * Brings the files of a set of the lock, and has `use` work with a folder that holds these and no others.
 *
 * @throws PackagesGoneError when they are to be had nowhere
 */
export async function withPackageFiles<T>(
  { cache, archives, progress }: Pick<BuildContext, 'cache' | 'archives' | 'progress'>,
  lock: PackageLock,
  set: string,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const packages = packagesOf(lock, set);
  const folder = await cacheSubfolder(cache, 'packages');
  await downloadPackages({ packages, taken: lock.taken, folder, settings: archives, progress });
  const chosen = await mkdtemp(path.join(folder, 'incoming-'));
  try {
    for (const one of packages) await link(path.join(folder, fileOf(one)), path.join(chosen, fileOf(one)));
    return await use(chosen);
  } finally {
    await rm(chosen, { recursive: true, force: true });
  }
}
