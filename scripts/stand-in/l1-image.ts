import { access, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Environment } from '../../fixtures/environment.js';
import { inWorkshop } from '../../fixtures/stacks/in-workshop.js';
import { referenceImage } from '../../fixtures/stacks/reference-image.js';
import { cacheSubfolder, markAsked } from '../../lib/host/cache-folder.js';
import { withLock } from '../../lib/host/lease/index.js';
import type { DebianPackage } from '../../lib/image/debian-package.js';
import { downloadPackages } from '../../lib/image/download-packages.js';
import { imageKey } from '../../lib/image/image-key.js';
import { nativeSite } from '../../lib/image/native/site.js';
import { readPackageList } from '../../lib/image/package-list.js';
import type { Progress } from '../../lib/image/progress.js';
import { runRecipe, type Workshop } from '../../lib/image/recipe.js';
import type { ReferenceImage } from '../../lib/image/reference-image.js';
import { resolveIngredients } from '../../lib/image/resolve-packages.js';

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
 * @param environment where its cache is, and how the reference guest in it is built
 * @throws ImageBuildError with the step that failed, its last output, and the remedy
 */
export async function ensureStandInL1(environment: Environment, progress: Progress): Promise<StandInL1> {
  const reference = await referenceImage(environment, progress);
  return await inWorkshop('stand-in', (workshop) =>
    ensureL1Of(reference, environment.cache, progress, workshop),
  );
}

async function ensureL1Of(
  reference: ReferenceImage,
  cache: string,
  progress: Progress,
  workshop: Workshop,
): Promise<StandInL1> {
  await using site = await nativeSite(workshop);
  const folder = await cacheSubfolder(cache, 'stand-in');
  const requests = await readPackageList(path.join(recipe, 'packages.list'));
  const { packages } = await resolveIngredients(site, requests, path.join(folder, 'packages.json'));
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
    await downloadPackages(site, packages, downloads, progress);
    await build({ target, packages, downloads, reference, progress, workshop });
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
  workshop: Workshop;
}): Promise<void> {
  const { target, packages, downloads, reference, progress, workshop } = options;
  const unfinished = await mkdtemp(`${target}.unfinished-`);
  try {
    const debs = await mkdtemp(path.join(workshop.folder, 'packages-'));
    for (const one of packages) await symlink(path.join(downloads, one.file), path.join(debs, one.file));
    const script = path.join(recipe, 'build.sh');
    const args = [debs, reference.folder, unfinished];
    await runRecipe('L1 of the stand-in checkout', script, args, { progress, workshop });
    await writeFile(path.join(unfinished, doneMark), '');
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
