import { access, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder, markAsked } from '../host/cache-folder.js';
import { withLock } from '../host/lease/index.js';
import { imageKey } from './image-key.js';
import { thisHost } from './native/tools.js';
import { compilerVersion, runRecipe, type Workshop } from './recipe.js';
import { referenceRecipe } from './reference-image.js';

/** The folder of the L2 host program's sources; what it shares with the reference guest's tools is compiled from there. */
const recipe = path.resolve(import.meta.dirname, '../../images/l2');

/**
 * The L2 host program (images/l2/README.md), a static binary, from the cache or built now (3 s on 2 cores).
 *
 * @param cache the project's cache folder (lib/host/cache-folder)
 * @returns the binary's path
 * @throws ImageBuildError with the compiler's words
 */
export async function ensureL2Host(cache: string, workshop: Workshop): Promise<string> {
  const compiler = await compilerVersion(thisHost);
  const keys = [recipe, path.join(referenceRecipe, 'tools')].map((folder) => imageKey(folder, [], compiler));
  const target = path.join(await cacheSubfolder(cache, 'l2-host'), (await Promise.all(keys)).join('-'));
  const program = path.join(target, 'l2-host');
  await markAsked(target);
  if (await exists(program)) return program;
  return await withLock(`l2-host:${target}`, 'builds the L2 host program', async () => {
    if (await exists(program)) return program;
    const unfinished = await mkdtemp(`${target}.unfinished-`);
    try {
      const quiet = (): void => undefined;
      const make = ['-s', '-C', recipe, `OUT=${unfinished}`];
      await runRecipe('The L2 host program', 'make', make, { progress: quiet, workshop });
      await rm(path.join(unfinished, 'obj'), { recursive: true });
      await rename(unfinished, target);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    return program;
  });
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
