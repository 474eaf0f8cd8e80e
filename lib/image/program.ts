import { rm } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder } from '../host/cache-folder.js';
import { ensureBuilt } from '../host/ensure-built.js';
import type { BuildContext } from './build-context.js';
import { buildRootKey, openBuildRoot } from './build-root/index.js';
import { imageKey } from './image-key.js';
import { withPackages } from './packages-in-force.js';

const images = path.resolve(import.meta.dirname, '../../images');

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
  return await withPackages(context, async ({ lock }) => {
    const folders = sources.map((name) => path.join(images, name));
    const key = await imageKey(folders, [what, buildRootKey(lock)]);
    const target = path.join(await cacheSubfolder(context.cache, kind), key);
    await ensureBuilt({
      target,
      what: what.toLowerCase(),
      progress: context.progress,
      build: async (folder) => {
        await using root = await openBuildRoot(context, lock);
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
    });
    return files.map((name) => path.join(target, name));
  });
}
