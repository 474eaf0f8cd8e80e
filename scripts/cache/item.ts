import { lstat, readdir, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { isNamed, processNames } from '../../lib/host/processes.js';

/** One thing that is kept in the cache, or left there. */
export interface Item {
  /** The folder of the cache that it is in. */
  readonly kind: string;
  readonly path: string;
  /** What it takes on the disk, holes left out. */
  readonly bytes: number;
  /** When it was asked for last, or made where nobody notes that. */
  readonly used: Date | undefined;
  /** Why nothing asks for it any more; undefined while something may. */
  readonly stale: string | undefined;
  readonly inUse: boolean;
  /** Answers false, and removes nothing, if it is in use by now. */
  readonly remove: () => Promise<boolean>;
}

/** What is about to be removed, or was left by what did not end, has it in its name. */
export const leftoverMark = /\.(unfinished|packages|pruned)-|^(new|incoming)-|\.\d+$/;

/** What a build that still runs may be at work on is not a leftover yet. */
const leftoverMs = 24 * 3_600_000;

/** Removes what no process names, at once for whoever looks: half of a thing would be taken for the whole. */
async function removeUnused(file: string): Promise<boolean> {
  if (await isInUse(file, await processNames())) return false;
  const away = `${file}.pruned-${process.pid}`;
  await rename(file, away);
  await rm(away, { recursive: true, force: true });
  return true;
}

/** An item that is a file or folder which no lock guards. */
export async function item(
  file: string,
  { kind, stale, processes }: { kind: string; stale: string | undefined; processes: readonly string[] },
): Promise<Item> {
  const inUse = await isInUse(file, processes);
  return { kind, path: file, ...(await size(file)), stale, inUse, remove: () => removeUnused(file) };
}

/** Processes name what they have open by its real path. */
async function isInUse(file: string, processes: readonly string[]): Promise<boolean> {
  const real = await realpath(file).catch(() => file);
  return isNamed(processes, file) || isNamed(processes, real);
}

/** What a build or download that did not end has left; for a day it may still be at work. */
export async function leftover(file: string, kind: string, processes: readonly string[]): Promise<Item> {
  const { used } = await size(file);
  const old = used !== undefined && Date.now() - used.getTime() > leftoverMs;
  return await item(file, { kind, stale: old ? 'it was never finished' : undefined, processes });
}

/** What a file or folder takes on the disk, holes and what links lead to left out, and when it was last changed or marked as asked for. */
export async function size(file: string): Promise<{ bytes: number; used: Date | undefined }> {
  const seen = await lstat(file).catch(() => undefined);
  if (!seen?.isDirectory()) return { bytes: 512 * (seen?.blocks ?? 0), used: seen?.mtime };
  const parts = await Promise.all((await namesIn(file)).map((name) => size(path.join(file, name))));
  return { bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0), used: seen.mtime };
}

/** Sorted; none of a folder that is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}
