import { access, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { execa } from 'execa';

import { referenceImage } from '../../fixtures/stacks/reference-image.js';
import { cacheSubfolder, markAsked } from '../../lib/host/cache-folder.js';
import { withLock } from '../../lib/host/lease/index.js';
import type { DebianPackage } from '../../lib/image/debian-package.js';
import { downloadPackages } from '../../lib/image/download-packages.js';
import { ImageBuildError } from '../../lib/image/errors.js';
import { imageKey } from '../../lib/image/image-key.js';
import { readPackageList } from '../../lib/image/package-list.js';
import type { Progress } from '../../lib/image/progress.js';
import type { ReferenceImage } from '../../lib/image/reference-image.js';
import { resolvePackages } from '../../lib/image/resolve-packages.js';
import { createRunFolder, ownerEnvironment } from '../../lib/machine/ownership/index.js';

/** The parts of a stand-in checkout that are built: L1's disk and key, its kernel and initramfs. */
export interface StandInL1 {
  readonly folder: string;
  /** Raw disk with a Debian userland and OpenSSH. To be copied: whoever boots it writes to it. */
  readonly disk: string;
  /** Private key that root accepts in L1. */
  readonly identityFile: string;
  readonly kernel: string;
  readonly initrd: string;
  /** The reference guest whose kernel, modules and tools are in it. */
  readonly reference: ReferenceImage;
}

const recipe = path.join(import.meta.dirname, 'l1');
/** Written last: where it is, the build ended well. */
const doneMark = 'complete';

/**
 * L1 of a stand-in checkout, from the cache or built now (20 s beside the downloads, on 2 cores). Builds of several processes wait
 * for each other; a build that did not end well leaves nothing that counts as one.
 *
 * @param cache the project's cache folder (lib/host/cache-folder)
 * @throws ImageBuildError with the step that failed, its last output, and the remedy
 */
export async function ensureStandInL1(cache: string, progress: Progress): Promise<StandInL1> {
  const reference = await referenceImage(cache, progress);
  const folder = await cacheSubfolder(cache, 'stand-in');
  const requests = await readPackageList(path.join(recipe, 'packages.list'));
  const packages = await resolvePackages(requests, path.join(folder, 'packages.json'));
  const target = path.join(folder, await imageKey(recipe, packages, `reference guest ${reference.key}`));
  const l1: StandInL1 = {
    folder: target,
    disk: path.join(target, 'l1.img'),
    identityFile: path.join(target, 'l1.id_rsa'),
    kernel: path.join(reference.folder, 'bzImage'),
    initrd: path.join(target, 'initrd.img-l1'),
    reference,
  };
  await markAsked(target);
  if (await isComplete(target)) return l1;
  await withLock(`stand-in:${target}`, `builds L1 of the stand-in checkout`, async () => {
    if (await isComplete(target)) return;
    await removeUnfinished(target);
    const downloads = await cacheSubfolder(cache, 'packages');
    await downloadPackages(packages, downloads, progress);
    await build({ target, packages, downloads, reference, progress });
  });
  return l1;
}

async function isComplete(folder: string): Promise<boolean> {
  return await access(path.join(folder, doneMark)).then(
    () => true,
    () => false,
  );
}

/** What builds that were killed have left; whoever holds the lock is the only one that builds. */
async function removeUnfinished(target: string): Promise<void> {
  const folder = path.dirname(target);
  const names = (await readdir(folder)).filter((name) =>
    name.startsWith(`${path.basename(target)}.unfinished-`),
  );
  for (const name of names) await rm(path.join(folder, name), { recursive: true, force: true });
}

async function build(options: {
  target: string;
  packages: readonly DebianPackage[];
  downloads: string;
  reference: ReferenceImage;
  progress: Progress;
}): Promise<void> {
  const { target, packages, downloads, reference, progress } = options;
  const workshop = await createRunFolder({ prefix: 'stand-in' });
  const unfinished = await mkdtemp(`${target}.unfinished-`);
  try {
    const debs = await mkdtemp(path.join(workshop.path, 'packages-'));
    for (const one of packages) await symlink(path.join(downloads, one.file), path.join(debs, one.file));
    const result = execa(path.join(recipe, 'build.sh'), [debs, reference.folder, unfinished], {
      all: true,
      reject: false,
      stdin: 'ignore',
      env: {
        ...(await ownerEnvironment()),
        LC_ALL: 'C.UTF-8',
        PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
        TMPDIR: workshop.path,
      },
    });
    for await (const line of result.iterable({ from: 'all' })) progress(line);
    const { failed, shortMessage, all } = await result;
    if (failed) {
      throw new ImageBuildError(
        `L1 of the stand-in checkout could not be built: ${shortMessage ?? 'its recipe failed'}`,
        all.split('\n').slice(-25),
      );
    }
    await writeFile(path.join(unfinished, doneMark), '');
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
    await workshop.remove();
  }
}
