import type { GuestShell } from '../../lib/guest/ssh/index.js';
import { check, oneOf } from '../../lib/validate/index.js';

const drivers = ['patched', 'stock'] as const;

/** Which vfio_iommu_type1 the reference guest has loaded: the project's, which clears `_PAGE_USER`, or Debian's as it is. */
export type VfioDriver = (typeof drivers)[number];

/**
 * Loads this driver in place of the one that is loaded. No process may have a VFIO container open. A fault that it was given is gone.
 *
 * @throws GuestCommandError with the kernel's reason
 */
export async function loadVfioDriver(guest: GuestShell, driver: VfioDriver): Promise<void> {
  check('loadVfioDriver', 'driver', oneOf(drivers), driver);
  // Not `modprobe -r`: it goes on to the modules that this one needs, which vfio-pci uses.
  await guest.succeed(['rmmod', 'vfio_iommu_type1']);
  if (driver === 'patched') await guest.succeed(['modprobe', 'vfio_iommu_type1']);
  else await guest.succeed(['sh', '-c', 'insmod "/lib/modules/$(uname -r)/stock/vfio_iommu_type1.ko"']);
}
