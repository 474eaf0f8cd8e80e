import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder, markAsked } from '../host/cache-folder.js';
import { withLock } from '../host/lease/index.js';
import type { DebianPackage } from './debian-package.js';
import { downloadPackages } from './download-packages.js';
import type { Progress } from './progress.js';
import { nativeSite } from './native/site.js';
import { runRecipe, type Workshop } from './recipe.js';
import { resolveIngredients } from './resolve-packages.js';

/** A kernel built from Debian's source by images/small-kernel. */
export interface SmallKernel {
  readonly bzImage: string;
  readonly vmlinux: string;
  /** The folder that these lie in, with `modules` and `headers.tar` beside them if they were asked for. */
  readonly folder: string;
}

export interface SmallKernels {
  /** The source as Debian has it. */
  readonly stock: SmallKernel;
  /** With the patches; the same as `stock` where there are none. */
  readonly patched: SmallKernel;
}

export interface SmallKernelOptions {
  /** The project's cache folder (lib/host/cache-folder). */
  readonly cache: string;
  /** Names of files in images/small-kernel, a later one's options win. */
  readonly fragments: readonly string[];
  /** Absolute paths, in order. */
  readonly patches: readonly string[];
  /** Its modules, and what others are built with: see images/small-kernel/build.sh. */
  readonly modules?: boolean;
  readonly progress: Progress;
  readonly workshop: Workshop;
}

const recipe = path.resolve(import.meta.dirname, '../../images/small-kernel');
const script = path.join(recipe, 'build.sh');
const source = 'linux-source-6.1';
/** Some minutes on two idle cores; a busy host takes several times that. */
const lockBudgetMs = 40 * 60_000;

/** What small kernels are built from now, and the folder that they are in once they are built. */
export interface SmallKernelsPlan {
  /** Content hash of all that goes in; names the folder. */
  readonly key: string;
  readonly target: string;
  readonly packages: readonly DebianPackage[];
  /** Undefined if they are not built yet. */
  readonly built: SmallKernels | undefined;
}

/** @throws ImageBuildError when apt does not know the source's package */
export async function planSmallKernels(options: SmallKernelOptions): Promise<SmallKernelsPlan> {
  const { cache, patches, workshop } = options;
  const folder = await cacheSubfolder(cache, 'kernels');
  await using site = await nativeSite(workshop);
  const memo = path.join(folder, 'packages.json');
  const { packages, compiler } = await resolveIngredients(site, [{ name: source }], memo);
  const hash = createHash('sha256');
  hash.update(JSON.stringify([packages.map(({ sha256 }) => sha256), compiler]));
  if (options.modules) hash.update('modules');
  for (const file of [script, ...fragmentFiles(options), ...patches]) {
    hash.update(await readFile(file)).update('\0');
  }
  const key = hash.digest('hex').slice(0, 16);
  const target = path.join(folder, key);
  return { key, target, packages, built: await open(target, patches.length > 0) };
}

function fragmentFiles({ fragments }: SmallKernelOptions): string[] {
  return fragments.map((name) => path.join(recipe, name));
}

/**
 * Small kernels, from the cache or built now. Builds of several processes wait for each other; a build that did not end well leaves nothing
 * that counts as one.
 *
 * @throws ImageBuildError with the step that failed, its last output, and the remedy
 */
export async function ensureSmallKernels(options: SmallKernelOptions): Promise<SmallKernels> {
  const { cache, patches, progress, workshop } = options;
  const { target, packages, built: found } = await planSmallKernels(options);
  const kernels = (): Promise<SmallKernels | undefined> => open(target, patches.length > 0);
  await markAsked(target);
  if (found) return found;
  return await withLock(
    `kernel:${target}`,
    `builds a small kernel in ${target}`,
    async () => {
      const builtMeanwhile = await kernels();
      if (builtMeanwhile) return builtMeanwhile;
      const downloads = await cacheSubfolder(cache, 'packages');
      await using site = await nativeSite(workshop);
      await downloadPackages(site, packages, downloads, progress);
      const unfinished = await mkdtemp(`${target}.unfinished-`);
      try {
        const debs = packages.map(({ file }) => path.join(downloads, file));
        const sources = debs.flatMap((file) => ['-s', file]);
        const modules = options.modules ? ['-m'] : [];
        const arguments_ = [
          ...sources,
          '-o',
          unfinished,
          ...modules,
          ...patches.flatMap((file) => ['-p', file]),
        ];
        await runRecipe('A small kernel', script, [...arguments_, ...fragmentFiles(options)], {
          progress,
          workshop,
        });
        await rename(unfinished, target);
      } finally {
        await rm(unfinished, { recursive: true, force: true });
      }
      const built = await kernels();
      if (!built) throw new TypeError('a recipe that ended well left no kernel');
      return built;
    },
    {
      budgetMs: lockBudgetMs,
      onWait: (holder) => {
        progress(`wait for a process that ${holder}`);
      },
    },
  );
}

async function open(folder: string, patched: boolean): Promise<SmallKernels | undefined> {
  if (!(await stat(folder).catch(() => undefined))) return undefined;
  const kernel = (name: string): SmallKernel => ({
    bzImage: path.join(folder, name, 'bzImage'),
    vmlinux: path.join(folder, name, 'vmlinux'),
    folder: path.join(folder, name),
  });
  return { stock: kernel('stock'), patched: kernel(patched ? 'patched' : 'stock') };
}
