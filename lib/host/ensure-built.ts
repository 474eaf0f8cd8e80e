import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { markAsked } from './cache-folder.js';
import { withLock } from './lease/index.js';

/** Something that is built once and kept: a folder that is named after the hash of all that goes in. */
export interface CachedBuild {
  /** Absolute path of the folder that it is to be. While it is there, it is whole. */
  readonly target: string;
  /** What is built, for whoever waits: `the reference guest`. */
  readonly what: string;
  /** Fills an empty folder, which becomes the target when this has ended well. */
  readonly build: (folder: string) => Promise<void>;
  readonly progress?: (line: string) => void;
}

/** Some minutes on two idle cores is the longest; a busy host takes several times that. */
const budgetMs = 40 * 60_000;

/**
 * Builds into the cache unless it is there. Builds of several processes wait for each other; one that did not end well leaves nothing that
 * counts as one, and what a killed one left goes with the next.
 */
export async function ensureBuilt({ target, what, build, progress }: CachedBuild): Promise<void> {
  await markAsked(target);
  if (await isBuilt(target)) return;
  const onWait = (holder: string): void => progress?.(`wait for a process that ${holder}`);
  await withLock(
    `build:${target}`,
    `builds ${what} ${path.basename(target)}`,
    async () => {
      if (await isBuilt(target)) return;
      const name = `${path.basename(target)}.unfinished-`;
      const folder = path.dirname(target);
      for (const left of (await readdir(folder)).filter((each) => each.startsWith(name)))
        await rm(path.join(folder, left), { recursive: true, force: true });
      const unfinished = await mkdtemp(path.join(folder, name));
      try {
        await build(unfinished);
        await rename(unfinished, target);
      } finally {
        await rm(unfinished, { recursive: true, force: true });
      }
    },
    { budgetMs, onWait },
  );
}

/** Whether the folder is there, and so what was to be built. */
export async function isBuilt(target: string): Promise<boolean> {
  return await stat(target).then(
    () => true,
    () => false,
  );
}
