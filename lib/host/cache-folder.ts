import { mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

import { InfrastructureError } from '../errors.js';

/**
 * Where builds, downloads and snapshots are kept between runs: `E2E_CACHE_DIR`, or `opentdx-e2e` in the user's cache folder
 * (`XDG_CACHE_HOME`, by the XDG base directory specification, else `~/.cache`). Works with `HOME` unset: the password
 * database then names the home folder.
 *
 * @throws InfrastructureError where nothing names one
 */
export function cacheFolder(environment: NodeJS.ProcessEnv): string {
  if (environment.E2E_CACHE_DIR) return path.resolve(environment.E2E_CACHE_DIR);
  const base = environment.XDG_CACHE_HOME;
  return path.join(base && path.isAbsolute(base) ? base : path.join(homeFolder(), '.cache'), 'opentdx-e2e');
}

function homeFolder(): string {
  try {
    return homedir();
  } catch (error) {
    throw new InfrastructureError(
      `There is no place for the cache: HOME is not set, and the password database has no user ${process.getuid?.() ?? ''}. Set E2E_CACHE_DIR to a folder that this user may write to, with some GB of space.`,
      { cause: error },
    );
  }
}

/** A folder inside the cache, made if it isn't there; readable by its owner only, since guests' private keys lie below it. */
export async function cacheSubfolder(cache: string, ...names: string[]): Promise<string> {
  const folder = path.join(cache, ...names);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** @throws InfrastructureError as `requireFolder` */
export async function requireCacheFolder(cache: string): Promise<void> {
  await requireFolder(
    cache,
    `The cache folder ${cache}`,
    'Set E2E_CACHE_DIR to a folder that this user may write to, with some GB of space.',
  );
}

/**
 * Makes a folder if it isn't there, and proves that it can be written to.
 *
 * @param what it is, at the beginning of a sentence
 * @throws InfrastructureError when it cannot, or when there is no space left
 */
export async function requireFolder(folder: string, what: string, remedy: string): Promise<void> {
  const probe = path.join(folder, `.probe-${process.pid}`);
  try {
    await makeFolder(folder);
    // A file without anything in it needs no space.
    await writeFile(probe, Buffer.alloc(2 ** 20));
  } catch (error) {
    throw new InfrastructureError(`${what} cannot be used: ${(error as Error).message}. ${remedy}`, {
      cause: error,
    });
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

/** Node's own `mkdir` with `recursive` never returns where a file system takes no folders at all, such as /proc. */
async function makeFolder(folder: string): Promise<void> {
  const there = await stat(folder).catch(() => undefined);
  if (there?.isDirectory()) return;
  if (path.dirname(folder) !== folder) await makeFolder(path.dirname(folder));
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    // Another process may have been faster.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || there) throw error;
  });
}

/**
 * Notes that something built is asked for, in the time of change of its folder or archive, for `npm run cache -- prune`. Not to be able
 * to (a cache that is not this user's) is no reason not to use it.
 */
export async function markAsked(built: string): Promise<void> {
  const now = new Date();
  await utimes(built, now, now).catch(() => undefined);
}
