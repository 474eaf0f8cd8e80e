import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder, markAsked } from '../host/cache-folder.js';
import { withLock } from '../host/lease/index.js';
import type { DebianPackage } from './debian-package.js';
import { downloadPackages } from './download-packages.js';
import { imageKey } from './image-key.js';
import type { Progress } from './progress.js';
import { nativeSite } from './native/site.js';
import { runRecipe, type Workshop } from './recipe.js';
import { referenceRecipe } from './reference-image.js';
import { resolveIngredients } from './resolve-packages.js';
import {
  ensureSmallKernels,
  planSmallKernels,
  type SmallKernelOptions,
  type SmallKernelsPlan,
} from './small-kernel.js';

/** What the Bochs machine boots. */
export interface EptImage {
  /** Content hash of all that went in; names the folder. */
  readonly key: string;
  /** Absolute path of the CD. */
  readonly cd: string;
  /** Versions of what the guest is made of, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

const recipe = path.resolve(import.meta.dirname, '../../images/ept');
/** The L2 host program is compiled from these two. */
const l2Recipe = path.resolve(recipe, '../l2');
const sharedTools = path.join(referenceRecipe, 'tools');

/** What the EPT guest is built from now. */
export interface EptImagePlan extends EptImage {
  /** The folder that it is in once it is built. */
  readonly target: string;
  readonly packages: readonly DebianPackage[];
  readonly built: boolean;
  readonly kernel: SmallKernelsPlan;
}

/** @throws ImageBuildError when apt does not know what the recipes ask for */
export async function planEptImage(cache: string, workshop: Workshop): Promise<EptImagePlan> {
  const folder = await cacheSubfolder(cache, 'ept');
  const kernel = await planSmallKernels(ofKernel(cache, workshop));
  await using site = await nativeSite(workshop);
  const memo = path.join(folder, 'packages.json');
  const { packages, compiler } = await resolveIngredients(site, [{ name: 'busybox-static' }], memo);
  const keys = [recipe, l2Recipe, sharedTools].map((each) =>
    imageKey(each, packages, `${compiler} ${kernel.key}`),
  );
  const key = (await Promise.all(keys)).join('-');
  const target = path.join(folder, key);
  const versions = Object.fromEntries(packages.map(({ name, version }) => [name, version]));
  const cd = path.join(target, 'boot.iso');
  return { key, cd, versions, target, packages, built: await exists(target), kernel };
}

function ofKernel(
  cache: string,
  workshop: Workshop,
  progress: Progress = () => undefined,
): SmallKernelOptions {
  return { cache, fragments: ['base.config', 'kvm.config'], patches: [], modules: true, progress, workshop };
}

/**
 * The EPT guest for this host, from the cache or built now: its kernel, which takes minutes, and the CD, which takes seconds.
 *
 * @param cache the project's cache folder (lib/host/cache-folder)
 * @throws ImageBuildError with the step that failed and its last output
 */
export async function ensureEptImage(
  cache: string,
  progress: Progress,
  workshop: Workshop,
): Promise<EptImage> {
  const { stock: kernel } = await ensureSmallKernels(ofKernel(cache, workshop, progress));
  const { key, cd, versions, target, packages, built } = await planEptImage(cache, workshop);
  const image = { key, cd, versions };
  await markAsked(target);
  if (built) return image;
  return await withLock(`image:${target}`, `builds the EPT guest ${key}`, async () => {
    if (await exists(target)) return image;
    const downloads = await cacheSubfolder(cache, 'packages');
    await using site = await nativeSite(workshop);
    await downloadPackages(site, packages, downloads, progress);
    const unfinished = await mkdtemp(`${target}.unfinished-`);
    try {
      const debs = packages.map(({ file }) => path.join(downloads, file));
      const script = path.join(recipe, 'build.sh');
      await runRecipe('The EPT guest', script, [kernel.folder, unfinished, ...debs], { progress, workshop });
      await rename(unfinished, target);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    return image;
  });
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
