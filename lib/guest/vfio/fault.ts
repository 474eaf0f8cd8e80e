import { InfrastructureError } from '../../errors.js';
import type { GuestShell } from '../ssh/index.js';

/** The reference driver's parameter, see images/reference/patches/0002-vfio-type1-fault-injection.patch. */
const parameter = '/sys/module/vfio_iommu_type1/parameters/e2e_fault';

/**
 * Makes the guest's VFIO driver go wrong in a way that it knows, for the mappings made from now on. Its log says so.
 *
 * @throws InfrastructureError when the driver that is loaded has no such fault
 */
export async function injectFault(guest: GuestShell, fault: string): Promise<void> {
  const { exitCode, stderr } = await guest.shell(`echo "$1" > ${parameter}`, {}, fault);
  if (exitCode === 0) return;
  throw new InfrastructureError(
    `The fault '${fault}' cannot be injected: ${stderr.trim().slice(0, 200)}. Is the driver of the reference guest loaded, and is it one ` +
      "of its faults ('modinfo vfio_iommu_type1' and the patch name them)?",
  );
}
