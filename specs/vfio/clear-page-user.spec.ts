import { expect, test } from '../../fixtures/index.js';

test('a DMA mapping takes its pages away from user mode', async ({ vfio, kernelLog }) => {
  const mapping = await vfio.mapDma({ pages: 4 });
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expect(mapping.touch()).rejects.toMatchPageFault({ user: true, present: true, write: false });
});
