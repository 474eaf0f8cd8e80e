import { expect, test } from 'opentdx-e2e';

test('a DMA mapping takes its pages away from user mode', async ({ vfio, kernelLog }) => {
  const mapping = await vfio.mapDma({ pages: 4 }); // real ioctls in the guest
  await expect(mapping).toHaveUserBitCleared(); // walks every page's PTE from the host
  await expect(kernelLog).toReportClearing(mapping); // both log lines, every page, old and new PTE agree
  await expect(mapping.touch()).rejects.toMatchPageFault({ user: true, present: true });
});
