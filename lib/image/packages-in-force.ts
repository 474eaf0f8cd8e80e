import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { openApt } from '../debian/apt.js';
import { PackagesError, PackagesGoneError } from '../debian/errors.js';
import { lockKey, type PackageLock, readLock, writeLock } from '../debian/lock.js';
import { type PackageList, readPackageList } from '../debian/package-list.js';
import { resolveLists } from '../debian/resolve.js';
import type { BuildContext } from './build-context.js';

/** The folder of the lists of packages, one for each thing that is built, and of the lock that says what they mean. */
const listsFolder = path.resolve(import.meta.dirname, '../../images/packages');
export const lockFile = path.join(listsFolder, 'lock.json');
/** Whose packages these are: the suite that the recipes are written for. */
const suite = 'bookworm';

/** The packages that builds take now: all of one lock, never of two. */
export interface PackagesInForce {
  readonly lock: PackageLock;
  /** For whoever looks at a machine: which lock it is, in one line. */
  readonly title: string;
  /** The committed lock's, as it should be. */
  readonly asLocked: boolean;
}

/**
 * Runs a build with the packages of the committed lock. Where these are to be had nowhere, it runs with the newest that the archive has, which
 * from then on are in force for this cache, until there is another lock.
 *
 * @throws PackagesError when neither are to be had
 */
export async function withPackages<T>(
  context: Pick<BuildContext, 'cache' | 'archives' | 'progress'>,
  build: (packages: PackagesInForce) => Promise<T>,
): Promise<T> {
  const packages = await packagesInForce(context.cache);
  try {
    return await build(packages);
  } catch (error) {
    if (!(error instanceof PackagesGoneError)) throw error;
    const newest = await findNewest(context).catch((reason: unknown) => {
      throw new PackagesError(`${error.message} Nor can others be looked for. ${(reason as Error).message}`, {
        cause: reason,
      });
    });
    if (lockKey(newest) === lockKey(packages.lock)) throw error;
    context.progress(`${error.message} The newest that the archive has as a whole are taken instead.`);
    await writeLock(insteadOf(context.cache, await readLock(lockFile)), newest);
    return await build(await packagesInForce(context.cache));
  }
}

/** The committed lock, or what stands in for it in this cache. Asks no network. */
export async function packagesInForce(cache: string): Promise<PackagesInForce> {
  const committed = await readLock(lockFile);
  const instead = insteadOf(cache, committed);
  if (!(await isThere(instead)))
    return { lock: committed, title: `lock of ${committed.taken}`, asLocked: true };
  const lock = await readLock(instead);
  const title = `found in the archive on ${lock.taken}: those of the lock of ${committed.taken} were to be had nowhere`;
  return { lock, title, asLocked: false };
}

/** The newest packages that the recipes' lists mean in the archive now. */
export async function findNewest({
  cache,
  archives,
}: Pick<BuildContext, 'cache' | 'archives'>): Promise<PackageLock> {
  const apt = await openApt(cache, suite, archives);
  await apt.update();
  return await resolveLists(apt, await packageLists(), new Date());
}

async function packageLists(): Promise<Map<string, PackageList>> {
  const files = (await readdir(listsFolder)).filter((name) => name.endsWith('.list')).sort();
  const lists = files.map(
    async (file) =>
      [path.basename(file, '.list'), await readPackageList(path.join(listsFolder, file))] as const,
  );
  return new Map(await Promise.all(lists));
}

/** In the folder of the project's own apt, which finds what stands in it. */
function insteadOf(cache: string, committed: PackageLock): string {
  return path.join(cache, 'apt', `instead-of-${lockKey(committed)}.json`);
}

async function isThere(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}
