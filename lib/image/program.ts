import { rm } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder } from '../host/cache-folder.js';
import { ensureBuilt } from '../host/ensure-built.js';
import type { PackageLock } from '../debian/lock.js';
import type { BuildContext } from './build-context.js';
import type { BuildRoot } from './build-root/build-root.js';
import { buildRootKey, openBuildRoot } from './build-root/index.js';
import { imageKey } from './image-key.js';
import { withPackages } from './packages-in-force.js';

export const images = path.resolve(import.meta.dirname, '../../images');

/** Static programs for guests that are compiled by a Makefile of images/. */
export interface ProgramRecipe {
  /** The folder of the cache. */
  readonly kind: string;
  /** For messages: `The guest tools`. */
  readonly what: string;
  /** The folder with the Makefile, below images/. */
  readonly recipe: string;
  /** All folders below images/ that it compiles from. */
  readonly sources: readonly string[];
  readonly files: readonly string[];
}

/**
 * Programs from the cache, or compiled now in the build root.
 *
 * @returns the files' absolute paths
 * @throws ImageBuildError with the compiler's words
 */
export async function ensureProgram(
  context: BuildContext,
  { kind, what, recipe, sources, files }: ProgramRecipe,
): Promise<string[]> {
  const folders = sources.map((name) => path.join(images, name));
  const target = await buildInRoot(
    context,
    kind,
    what.toLowerCase(),
    folders,
    [what],
    async (root, folder) => {
      await root.run({
        what,
        command: ['make', '-s', '-C', `/in/images/${recipe}`, 'OUT=/out'],
        inputs: Object.fromEntries(
          folders.map((each, index) => [`/in/images/${sources[index] ?? ''}`, each]),
        ),
        out: folder,
      });
      await rm(path.join(folder, 'obj'), { recursive: true });
    },
  );
  return files.map((name) => path.join(target, name));
}

/**
 * What `build` makes in the build root, from the cache or built now.
 *
 * @param kind the folder of the cache
 * @param sources files and folders that it is made of; `others` is what else decides what comes of them
 * @returns its folder
 */
export async function buildInRoot(
  context: BuildContext,
  kind: string,
  what: string,
  sources: readonly string[],
  others: readonly string[],
  build: (root: BuildRoot, folder: string, lock: PackageLock) => Promise<void>,
): Promise<string> {
  return await withPackages(context, async ({ lock }) => {
    const key = await imageKey(sources, [...others, buildRootKey(lock)]);
    const target = path.join(await cacheSubfolder(context.cache, kind), key);
    await ensureBuilt({
      target,
      what,
      progress: context.progress,
      build: async (folder) => {
        await using root = await openBuildRoot(context, lock);
        await build(root, folder, lock);
      },
    });
    return target;
  });
}
