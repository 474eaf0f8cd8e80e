import { mkdir, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * Where builds, downloads and snapshots are kept between runs: `E2E_CACHE_DIR`, or `opentdx-e2e` in the user's cache folder
 * (`XDG_CACHE_HOME`, by the XDG base directory specification, else `~/.cache`). Works with `HOME` unset: the password
 * database then names the home folder.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv): string {
  if (environment.E2E_CACHE_DIR) return path.resolve(environment.E2E_CACHE_DIR);
  const base = environment.XDG_CACHE_HOME;
  return path.join(base && path.isAbsolute(base) ? base : path.join(homedir(), '.cache'), 'opentdx-e2e');
}

/** A folder inside the cache, made if it isn't there; readable by its owner only, since guests' private keys lie below it. */
export async function cacheSubfolder(cache: string, ...names: string[]): Promise<string> {
  const folder = path.join(cache, ...names);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Notes that something built is asked for, in the time of change of its folder or archive, for `npm run cache -- prune`. Not to be able
 * to (a cache that is not this user's) is no reason not to use it.
 */
export async function markAsked(built: string): Promise<void> {
  const now = new Date();
  await utimes(built, now, now).catch(() => undefined);
}
