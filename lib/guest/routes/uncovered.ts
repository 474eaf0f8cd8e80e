import type { VfioProcess } from '../vfio/process.js';

/** Whether DMA can be mapped in this guest by ways that the change in vfio_iommu_type1 does not see. */
export interface UncoveredPaths {
  readonly iommufd: boolean;
  /** For a report. */
  readonly text: string;
}

/** Looks whether the guest's kernel has iommufd (Linux 6.2 and later with CONFIG_IOMMUFD), whose DMA is not type1's. */
export async function uncoveredPaths(process: VfioProcess): Promise<UncoveredPaths> {
  const iommufd = (await process.request('hello')).flag('iommufd');
  const text = iommufd
    ? 'not covered: this kernel has /dev/iommu; DMA mapped through iommufd, or through its VFIO compatibility, passes vfio_iommu_type1 by'
    : 'none: this kernel has no iommufd (/dev/iommu), all of VFIO goes through vfio_iommu_type1';
  return { iommufd, text };
}
