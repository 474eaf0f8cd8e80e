import { copyFile, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { BuildContext } from './build-context.js';
import { appendArchive, cpioArchive } from './cpio.js';
import { withPackageFiles } from './package-files.js';
import { buildInRoot, images } from './program.js';
import { type ReferenceImage, referenceRecipe } from './reference-image.js';

const drivers = path.join(images, 'drivers');
const unpatched = '/in/recipe/vfio/build.sh /in/packages/linux-source-*.deb';

/** Drivers that do what the reference guest's own does in other ways: each is a patch of the stock driver. */
export async function healthyDrivers(): Promise<string[]> {
  return (await readdir(drivers)).map((file) => path.basename(file, '.patch')).sort();
}

/** Whether a driver is given as a file: a patch of the stock driver, or a source that takes its place. */
export function isDriverFile(driver: string): boolean {
  return /\.(?:c|patch)$/.test(driver);
}

/** Whether a driver, as {@link ensureDriverInitrd} takes it, has the faults that the reference guest's own can be given. */
export async function hasFaults(driver: string): Promise<boolean> {
  return isDriverFile(driver) && (await readFile(driver, 'utf8')).includes('"vfio_e2e_fault.h"');
}

/**
 * The reference guest's initramfs with another driver in place of its own, from the cache or built now (some seconds).
 *
 * @param driver one of {@link healthyDrivers}, or a file: see {@link isDriverFile}
 * @throws ImageBuildError with the compiler's words, or why the patch does not apply
 */
export async function ensureDriverInitrd(
  context: BuildContext,
  { key, kernelRelease, initrd }: ReferenceImage,
  driver: string,
): Promise<string> {
  const file = isDriverFile(driver) ? path.resolve(driver) : path.join(drivers, `${driver}.patch`);
  const what = `The driver ${driver}`;
  const target = await buildInRoot(context, 'drivers', what, [file], [key], async (root, out, lock) => {
    // A folder of its own: the file's may be somebody's home.
    const folder = await mkdtemp(path.join(context.workshop.folder, 'driver-'));
    await copyFile(file, path.join(folder, path.basename(file)));
    await withPackageFiles(context, lock, 'reference', (debs) =>
      root.run({
        what,
        command: [
          ...[
            'sh',
            '-c',
            `kdir=$(/in/recipe/kernel-headers.sh /in/packages /tmp/headers) && ${unpatched} "$kdir" /out "$1"`,
          ],
          ...['sh', `/in/driver/${path.basename(file)}`],
        ],
        inputs: { '/in/recipe': referenceRecipe, '/in/packages': debs, '/in/driver': folder },
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

/** The source of the reference guest's own driver: Debian's, with this project's patches. From the cache or unpacked now (some seconds). */
export async function referenceDriverSource(context: BuildContext, { key }: ReferenceImage): Promise<string> {
  const what = "The driver's source";
  const target = await buildInRoot(context, 'drivers', what, [], [key, what], async (root, out, lock) => {
    await withPackageFiles(context, lock, 'reference', (debs) =>
      root.run({
        what,
        command: ['sh', '-c', `${unpatched} - /out`],
        inputs: { '/in/recipe': referenceRecipe, '/in/packages': debs },
        out,
      }),
    );
  });
  return await readFile(path.join(target, 'vfio_iommu_type1.c'), 'utf8');
}
