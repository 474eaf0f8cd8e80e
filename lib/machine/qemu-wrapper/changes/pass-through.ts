import { option } from '../command-line.js';
import type { Draft } from '../draft.js';
import { addKernelArguments } from './kernel-arguments.js';

const iommu = 'intel-iommu,intremap=on,caching-mode=on';

/** Gives L1 a vIOMMU that it uses, unless it has one, and a PCI device that it can pass on. `device` as for -device. */
export function addPassThrough(draft: Draft, device: string): void {
  const iommus = draft.all('device').filter(({ value }) => /^(intel|virtio|amd)-iommu/.test(value ?? ''));
  if (iommus.length === 0) {
    // First in line: an IOMMU that is made after a device does not translate for it.
    draft.add(option('device', iommu), 'without a vIOMMU nothing can be mapped through VFIO in L1', 'first');
  }
  for (const there of iommus.filter(({ value }) => (value ?? '').startsWith('intel-iommu'))) {
    if (/,(caching-mode|x-caching-mode|cm)=on/.test(there.value ?? '')) continue;
    draft.replace(
      there,
      option('device', `${there.value ?? ''},caching-mode=on`),
      'QEMU passes a device through a vIOMMU in caching mode only',
    );
  }
  draft.add(option('device', device), 'the device that L1 passes on through VFIO');
  if (iommus.every(({ value }) => (value ?? '').startsWith('intel-iommu'))) {
    addKernelArguments(
      draft,
      ['intel_iommu=on', 'iommu=pt'],
      "L1's kernel leaves an Intel IOMMU alone unless told otherwise",
    );
  }
}
