import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { BuildContext } from './build-context.js';
import { appendArchive, cpioArchive } from './cpio.js';
import { withPackageFiles } from './package-files.js';
import { buildInRoot, images } from './program.js';
import { type ReferenceImage, referenceRecipe } from './reference-image.js';

const drivers = path.join(images, 'drivers');

/** Arguments: the patch's name. */
const compile =
  'kdir=$(/in/recipe/kernel-headers.sh /in/packages /tmp/headers) && ' +
  '/in/recipe/vfio/build.sh /in/packages/linux-source-*.deb "$kdir" /out "/in/drivers/$1"';

/** Drivers that do what the reference guest's own does in other ways: each is a patch of the stock driver. */
export async function healthyDrivers(): Promise<string[]> {
  return (await readdir(drivers)).map((file) => path.basename(file, '.patch')).sort();
}

/**
 * The reference guest's initramfs with one of {@link healthyDrivers} in place of its own, from the cache or built now (some seconds).
 *
 * @throws ImageBuildError with the compiler's words, or why the patch does not apply
 */
export async function ensureDriverInitrd(
  context: BuildContext,
  { key, kernelRelease, initrd }: ReferenceImage,
  driver: string,
): Promise<string> {
  const patch = `${driver}.patch`;
  const what = `The driver ${driver}`;
  const sources = [path.join(drivers, patch)];
  const target = await buildInRoot(context, 'drivers', what, sources, [key], async (root, out, lock) => {
    await withPackageFiles(context, lock, 'reference', (debs) =>
      root.run({
        what,
        command: ['sh', '-c', compile, 'sh', patch],
        inputs: { '/in/recipe': referenceRecipe, '/in/packages': debs, '/in/drivers': drivers },
        out,
      }),
    );
    const data = await readFile(path.join(out, 'vfio_iommu_type1.ko'));
    const place = `lib/modules/${kernelRelease}/kernel/drivers/vfio/vfio_iommu_type1.ko`;
    await writeFile(
      path.join(out, 'initrd'),
      appendArchive(await readFile(initrd), cpioArchive([{ path: place, data }])),
    );
  });
  return path.join(target, 'initrd');
}
