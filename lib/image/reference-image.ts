import { createHash } from 'node:crypto';
import { readFile, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { packagesOf } from '../debian/lock.js';
import type { DebianPackage } from '../debian/package.js';
import { cacheSubfolder } from '../host/cache-folder.js';
import { ensureBuilt } from '../host/ensure-built.js';
import type { BuildContext } from './build-context.js';
import { buildRootKey, openBuildRoot } from './build-root/index.js';
import { appendArchive } from './cpio.js';
import { ImageBuildError } from './errors.js';
import { makeGuestKeys } from './guest-keys.js';
import { imageKey } from './image-key.js';
import { withPackageFiles } from './package-files.js';
import { type PackagesInForce, packagesInForce, withPackages } from './packages-in-force.js';

/** A built reference guest: its files, and what it was built from. */
export interface ReferenceImage {
  /** Content hash of all that went in; names the folder. */
  readonly key: string;
  readonly folder: string;
  /** Uncompressed ELF kernel with a PVH entry point. */
  readonly kernel: string;
  readonly initrd: string;
  /** The kernel's release, as `uname -r` says it. */
  readonly kernelRelease: string;
  /** Private key that the guest's root accepts. */
  readonly identityFile: string;
  /** The guest's host key under the alias that lib/guest/ssh uses. */
  readonly knownHostsFile: string;
  readonly packages: readonly DebianPackage[];
  /** SHA-256 of the initramfs without the guest's keys: one key of an image, one hash, on every host. */
  readonly initramfs: string;
  /** Whose packages these are. */
  readonly inForce: Pick<PackagesInForce, 'title' | 'asLocked'>;
}

type Manifest = Pick<ReferenceImage, 'key' | 'kernelRelease' | 'initramfs' | 'packages'>;

const images = path.resolve(import.meta.dirname, '../../images');
/** The folder of this project's recipe. */
export const referenceRecipe = path.join(images, 'reference');
const set = 'reference';

/** What the reference guest is built from now, and the folder that it is in once it is built. */
export interface ReferenceImagePlan {
  readonly key: string;
  readonly target: string;
  readonly packages: readonly DebianPackage[];
  /** Undefined if it is not built yet. */
  readonly built: ReferenceImage | undefined;
}

/** Asks neither network nor apt. */
export async function planReferenceImage(
  cache: string,
  inForce?: PackagesInForce,
): Promise<ReferenceImagePlan> {
  const { lock, title, asLocked } = inForce ?? (await packagesInForce(cache));
  const packages = packagesOf(lock, set);
  const key = await imageKey(
    [referenceRecipe],
    [...packages.map(({ sha256 }) => sha256), buildRootKey(lock)],
  );
  const target = path.join(await cacheSubfolder(cache, 'reference'), key);
  return { key, packages, target, built: await openImage(target, { title, asLocked }) };
}

/**
 * The reference guest, from the cache or built now (about 10 s beside the downloads, on 2 cores). Builds of several processes wait for each
 * other; a build that did not end well leaves nothing that counts as one.
 *
 * @throws ImageBuildError with the step that failed, its last output, and the remedy; PackagesError when there are no packages
 */
export async function ensureReferenceImage(context: BuildContext): Promise<ReferenceImage> {
  return await withPackages(context, async (inForce) => {
    const { key, packages, target } = await planReferenceImage(context.cache, inForce);
    await ensureBuilt({
      target,
      what: 'the reference guest',
      progress: context.progress,
      build: (folder) => build(context, inForce, { key, packages, folder }),
    });
    await pointCurrentAt(target);
    const image = await openImage(target, inForce);
    if (!image)
      throw new ImageBuildError(`The build in ${target} left no manifest: this is a defect of the recipe.`);
    return image;
  });
}

async function openImage(
  folder: string,
  { title, asLocked }: ReferenceImage['inForce'],
): Promise<ReferenceImage | undefined> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ImageBuildError(`${folder} is damaged; remove it and run again.`, [], { cause: error });
  }
  return {
    key: manifest.key,
    folder,
    kernel: path.join(folder, 'vmlinux'),
    initrd: path.join(folder, 'initrd'),
    kernelRelease: manifest.kernelRelease,
    initramfs: manifest.initramfs,
    identityFile: path.join(folder, 'id_rsa'),
    knownHostsFile: path.join(folder, 'known_hosts'),
    packages: manifest.packages,
    inForce: { title, asLocked },
  };
}

async function build(
  context: BuildContext,
  { lock }: PackagesInForce,
  { key, packages, folder }: { key: string; packages: readonly DebianPackage[]; folder: string },
): Promise<void> {
  await using root = await openBuildRoot(context, lock);
  context.progress(`build the reference guest, by ${root.title}`);
  await withPackageFiles(context, lock, set, (debs) =>
    root.run({
      what: 'The reference guest',
      command: ['/in/recipe/build.sh', '/in/packages', '/out'],
      inputs: { '/in/recipe': referenceRecipe, '/in/packages': debs },
      out: folder,
    }),
  );
  const inside = (name: string): string => path.join(folder, name);
  const keys = makeGuestKeys();
  await writeFile(inside('id_rsa'), keys.identity, { mode: 0o600 });
  await writeFile(inside('known_hosts'), keys.knownHosts);
  const initramfs = await readFile(inside('initrd'));
  await writeFile(inside('initrd'), appendArchive(initramfs, keys.archive));
  const manifest: Manifest = {
    key,
    kernelRelease: (await readFile(inside('kernel-release'), 'utf8')).trim(),
    initramfs: createHash('sha256').update(initramfs).digest('hex'),
    packages,
  };
  await writeFile(inside('manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** `current` is for people and for the launch script run by hand; the harness names images by their key. */
async function pointCurrentAt(target: string): Promise<void> {
  const link = path.join(path.dirname(target), 'current');
  const temporary = `${link}.${String(process.pid)}`;
  await symlink(path.basename(target), temporary);
  await rename(temporary, link);
}
