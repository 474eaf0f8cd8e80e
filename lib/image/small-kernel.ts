import path from 'node:path';

import { packagesOf } from '../debian/lock.js';
import { fileOf } from '../debian/package.js';
import { cacheSubfolder } from '../host/cache-folder.js';
import { ensureBuilt, isBuilt } from '../host/ensure-built.js';
import type { BuildContext } from './build-context.js';
import { buildRootKey, openBuildRoot } from './build-root/index.js';
import { imageKey } from './image-key.js';
import { withPackageFiles } from './package-files.js';
import { type PackagesInForce, packagesInForce, withPackages } from './packages-in-force.js';

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
  /** Names of files in images/small-kernel, a later one's options win. */
  readonly fragments: readonly string[];
  /** Absolute paths, in order, of files in one folder. */
  readonly patches: readonly string[];
  /** Its modules, and what others are built with: see images/small-kernel/build.sh. */
  readonly modules?: boolean;
}

const recipe = path.resolve(import.meta.dirname, '../../images/small-kernel');
const set = 'small-kernel';

/** What small kernels are built from now, and the folder that they are in once they are built. */
export interface SmallKernelsPlan {
  /** Content hash of all that goes in; names the folder. */
  readonly key: string;
  readonly target: string;
  readonly built: boolean;
}

/** Asks neither network nor apt. */
export async function planSmallKernels(
  cache: string,
  { fragments, patches, modules = false }: SmallKernelOptions,
  inForce?: PackagesInForce,
): Promise<SmallKernelsPlan> {
  const { lock } = inForce ?? (await packagesInForce(cache));
  const files = [
    path.join(recipe, 'build.sh'),
    ...fragments.map((name) => path.join(recipe, name)),
    ...patches,
  ];
  const hashes = packagesOf(lock, set).map(({ sha256 }) => sha256);
  const key = await imageKey(files, [...hashes, buildRootKey(lock), modules ? 'modules' : '']);
  const target = path.join(await cacheSubfolder(cache, 'kernels'), key);
  return { key, target, built: await isBuilt(target) };
}

/**
 * Small kernels, from the cache or built now, in some minutes on 2 cores.
 *
 * @throws ImageBuildError with the step that failed, its last output, and the remedy; PackagesError when there is no source
 */
export async function ensureSmallKernels(
  context: BuildContext,
  options: SmallKernelOptions,
): Promise<SmallKernels> {
  const { patches } = options;
  return await withPackages(context, async (inForce) => {
    const { target } = await planSmallKernels(context.cache, options, inForce);
    await ensureBuilt({
      target,
      what: 'a small kernel',
      progress: context.progress,
      build: (folder) => build(context, inForce, options, folder),
    });
    const kernel = (name: string): SmallKernel => ({
      bzImage: path.join(target, name, 'bzImage'),
      vmlinux: path.join(target, name, 'vmlinux'),
      folder: path.join(target, name),
    });
    return { stock: kernel('stock'), patched: kernel(patches.length > 0 ? 'patched' : 'stock') };
  });
}

async function build(
  context: BuildContext,
  { lock }: PackagesInForce,
  { fragments, patches, modules = false }: SmallKernelOptions,
  out: string,
): Promise<void> {
  await using root = await openBuildRoot(context, lock);
  const [source] = packagesOf(lock, set);
  const [patch] = patches;
  const command = [
    '/in/recipe/build.sh',
    ...['-s', `/in/packages/${source === undefined ? '' : fileOf(source)}`, '-o', '/out'],
    ...(modules ? ['-m'] : []),
    ...patches.flatMap((file) => ['-p', `/in/patches/${path.basename(file)}`]),
    ...fragments.map((name) => `/in/recipe/${name}`),
  ];
  const patchFolder = patch === undefined ? {} : { '/in/patches': path.dirname(patch) };
  await withPackageFiles(context, lock, set, (debs) =>
    root.run({
      what: 'A small kernel',
      command,
      inputs: { '/in/recipe': recipe, '/in/packages': debs, ...patchFolder },
      out,
    }),
  );
}
