import { expect, test } from 'opentdx-e2e';

test('a DMA mapping takes its pages away from user mode', async ({ vfio, kernelLog }) => {
  const mapping = await vfio.mapDma({ pages: 4 }); // real ioctls in the guest
  await expect(mapping).toBeTakenFromUserMode(kernelLog); // from outside: every PTE, what lies beside them, the IOMMU, the log
  await expect(mapping.touch()).rejects.toMatchPageFault({ user: true, present: true });
});
