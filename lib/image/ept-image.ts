import path from 'node:path';

import { packagesOf } from '../debian/lock.js';
import { cacheSubfolder } from '../host/cache-folder.js';
import { ensureBuilt, isBuilt } from '../host/ensure-built.js';
import type { BuildContext } from './build-context.js';
import { buildRootKey, openBuildRoot } from './build-root/index.js';
import { imageKey } from './image-key.js';
import { withPackageFiles } from './package-files.js';
import { type PackagesInForce, packagesInForce, withPackages } from './packages-in-force.js';
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
  /** Absolute path of the System.map of the kernel on it: its vmlinux has not the symbols of its data. */
  readonly kernel: string;
  /** Versions of what the guest is made of, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** What the EPT guest is built from now. */
export interface EptImagePlan extends Omit<EptImage, 'kernel'> {
  /** The folder that it is in once it is built. */
  readonly target: string;
  readonly built: boolean;
  readonly kernel: SmallKernelsPlan;
}

const images = path.resolve(import.meta.dirname, '../../images');
/** The L2 host program is compiled from `l2` and the tools. */
const recipes = ['ept', 'l2', 'reference/tools', 'reference/modules/kernel_reports'];
const set = 'ept';
const ofKernel: SmallKernelOptions = {
  fragments: ['base.config', 'kvm.config'],
  patches: [],
  modules: true,
};

/** Asks neither network nor apt. */
export async function planEptImage(cache: string, asked?: PackagesInForce): Promise<EptImagePlan> {
  const inForce = asked ?? (await packagesInForce(cache));
  const kernel = await planSmallKernels(cache, ofKernel, inForce);
  const packages = packagesOf(inForce.lock, set);
  const hashes = packages.map(({ sha256 }) => sha256);
  const folders = recipes.map((name) => path.join(images, name));
  const key = await imageKey(folders, [...hashes, kernel.key, buildRootKey(inForce.lock)]);
  const target = path.join(await cacheSubfolder(cache, 'ept'), key);
  const versions = Object.fromEntries(packages.map(({ name, version }) => [name, version]));
  return { key, cd: path.join(target, 'boot.iso'), versions, target, built: await isBuilt(target), kernel };
}

/**
 * The EPT guest, from the cache or built now: its kernel, which takes minutes, and the CD, which takes seconds.
 *
 * @throws ImageBuildError with the step that failed and its last output; PackagesError when there are no packages
 */
export async function ensureEptImage(context: BuildContext): Promise<EptImage> {
  return await withPackages(context, async () => {
    const { stock: kernel } = await ensureSmallKernels(context, ofKernel);
    // The kernel's packages may be in force since now.
    const inForce = await packagesInForce(context.cache);
    const { key, cd, versions, target } = await planEptImage(context.cache, inForce);
    await ensureBuilt({
      target,
      what: 'the EPT guest',
      progress: context.progress,
      build: async (folder) => {
        await using root = await openBuildRoot(context, inForce.lock);
        const sources = recipes.map((name) => [`/in/images/${name}`, path.join(images, name)]);
        await withPackageFiles(context, inForce.lock, set, (debs) =>
          root.run({
            what: 'The EPT guest',
            command: ['/in/images/ept/build.sh', '/in/kernel', '/in/packages', '/out'],
            inputs: {
              ...(Object.fromEntries(sources) as Record<string, string>),
              '/in/kernel': kernel.folder,
              '/in/packages': debs,
            },
            out: folder,
          }),
        );
      },
    });
    return { key, cd, versions, kernel: path.join(path.dirname(kernel.vmlinux), 'System.map') };
  });
}
