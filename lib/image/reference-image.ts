import { chmod, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cacheSubfolder, markAsked } from '../host/cache-folder.js';
import { withLock } from '../host/lease/index.js';
import type { BuildSite } from './build-site.js';
import type { DebianPackage } from './debian-package.js';
import { downloadPackages } from './download-packages.js';
import { ImageBuildError } from './errors.js';
import { imageKey } from './image-key.js';
import { readPackageList } from './package-list.js';
import type { Progress } from './progress.js';
import { resolveIngredients } from './resolve-packages.js';

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
}

interface Manifest {
  readonly key: string;
  readonly kernelRelease: string;
  readonly compiler: string;
  readonly packages: readonly DebianPackage[];
}

/** The folder of this project's recipe. */
export const referenceRecipe = path.resolve(import.meta.dirname, '../../images/reference');

/** What the reference guest is built from now, and the folder that it is in once it is built. */
export interface ReferenceImagePlan extends Omit<Manifest, 'kernelRelease'> {
  readonly target: string;
  /** Undefined if it is not built yet. */
  readonly built: ReferenceImage | undefined;
}

/**
 * @param site where it would be built; which one makes no difference to the guest
 * @throws ImageBuildError when apt does not know what the recipe asks for
 */
export async function planReferenceImage(
  cache: string,
  site: BuildSite,
  progress: Progress,
): Promise<ReferenceImagePlan> {
  const folder = await cacheSubfolder(cache, 'reference');
  const requests = await readPackageList(path.join(referenceRecipe, 'packages.list'));
  const memo = path.join(folder, `${site.name}.packages.json`);
  const { packages, compiler } = await resolveIngredients(site, requests, memo, progress);
  const key = await imageKey(referenceRecipe, packages, compiler);
  const target = path.join(folder, key);
  return { key, compiler, packages, target, built: await openImage(target) };
}

/**
 * The reference guest for this host, from the cache or built now (7 s beside the downloads, on 2 cores). Builds of several processes
 * wait for each other; a build that did not end well leaves nothing that counts as one.
 *
 * @param cache the project's cache folder (lib/host/cache-folder)
 * @param site where it is built if it must be; which one makes no difference to the guest
 * @throws ImageBuildError with the step that failed, its last output, and the remedy
 */
export async function ensureReferenceImage(
  cache: string,
  site: BuildSite,
  progress: Progress,
): Promise<ReferenceImage> {
  const { key, compiler, packages, target, built } = await planReferenceImage(cache, site, progress);
  await markAsked(target);
  if (built) return built;
  return await withLock(`image:${target}`, `builds the reference guest ${key}`, async () => {
    const builtMeanwhile = await openImage(target);
    if (builtMeanwhile) return builtMeanwhile;
    const downloads = await cacheSubfolder(cache, 'packages');
    await downloadPackages(site, packages, downloads, progress);
    const manifest = { key, compiler, packages, kernelRelease: '' };
    await build({ site, target, downloads, progress, manifest });
    await pointCurrentAt(target);
    const image = await openImage(target);
    if (!image)
      throw new ImageBuildError(`The build in ${target} left no manifest: this is a defect of the recipe.`);
    return image;
  });
}

/** The manifest is written last and moved with the folder: where it is, the build ended well. */
async function openImage(folder: string): Promise<ReferenceImage | undefined> {
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
    identityFile: path.join(folder, 'id_rsa'),
    knownHostsFile: path.join(folder, 'known_hosts'),
    packages: manifest.packages,
  };
}

async function build(options: {
  site: BuildSite;
  target: string;
  downloads: string;
  progress: Progress;
  manifest: Manifest;
}): Promise<void> {
  const { site, target, downloads, progress, manifest } = options;
  const unfinished = await mkdtemp(`${target}.unfinished-`);
  try {
    progress(`build the reference guest, by ${site.title}`);
    await site.build({ packages: manifest.packages, downloads, out: unfinished, progress });
    const kernelRelease = (await readFile(path.join(unfinished, 'kernel-release'), 'utf8')).trim();
    await chmod(path.join(unfinished, 'id_rsa'), 0o600);
    await writeFile(
      path.join(unfinished, 'manifest.json'),
      `${JSON.stringify({ ...manifest, kernelRelease }, null, 2)}\n`,
    );
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** `current` is for people and for the launch script run by hand; the harness names images by their key. */
async function pointCurrentAt(target: string): Promise<void> {
  const link = path.join(path.dirname(target), 'current');
  const temporary = `${link}.${String(process.pid)}`;
  await symlink(path.basename(target), temporary);
  await rename(temporary, link);
}
