import { driverOf, jsonOf, option } from '../../qemu-command-line/index.js';
import type { Draft } from '../draft.js';
import { addKernelArguments } from './kernel-arguments.js';

const iommu = 'intel-iommu,intremap=on,caching-mode=on';

/** Gives L1 a vIOMMU that it uses, unless it has one, and a PCI device that it can pass on. `device` as for -device. */
export function addPassThrough(draft: Draft, device: string): void {
  const iommus = draft
    .all('device')
    .filter(({ value }) => /^(intel|virtio|amd)-iommu/.test(driverOf(value ?? '') ?? ''));
  const intel = iommus.filter(({ value }) => driverOf(value ?? '') === 'intel-iommu');
  if (iommus.length === 0) {
    // First in line: an IOMMU that is made after a device does not translate for it.
    draft.add(option('device', iommu), 'without a vIOMMU nothing can be mapped through VFIO in L1', 'first');
  }
  for (const there of intel) {
    const json = jsonOf(there.value ?? '');
    if (json?.['caching-mode'] === true || /,(caching-mode|x-caching-mode|cm)=on/.test(there.value ?? ''))
      continue;
    draft.replace(
      there,
      option(
        'device',
        json ? JSON.stringify({ ...json, 'caching-mode': true }) : `${there.value ?? ''},caching-mode=on`,
      ),
      'QEMU passes a device through a vIOMMU in caching mode only',
    );
  }
  draft.add(option('device', device), 'the device that L1 passes on through VFIO');
  if (intel.length === iommus.length) {
    addKernelArguments(
      draft,
      ['intel_iommu=on', 'iommu=pt'],
      "L1's kernel leaves an Intel IOMMU alone unless told otherwise",
    );
  }
}
