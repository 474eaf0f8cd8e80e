import { expect, test } from '../../../fixtures/index.js';
import { readHoldings } from '../../../lib/guest/vfio/pins.js';
import { expectNoAccess, expectSameInGuest, expectUnreachable } from './agreement.js';

test('an unmap lets go of the pages and of the iova, and of nothing else', async ({
  vfio,
  guest,
  kernelLog,
}) => {
  const kept = await vfio.mapDma({ pages: 4 });
  const held = await readHoldings(guest, kept.process.pid);
  const mapping = await kept.process.mapDma({ pages: 32 });
  expect(await readHoldings(guest, kept.process.pid)).toHoldMorePages(
    held,
    32,
    'after a mapping of 32 pages',
  );
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await mapping.unmap();
  expect(await readHoldings(guest, kept.process.pid)).toHoldMorePages(
    held,
    0,
    'after a mapping of 32 pages was unmapped',
  );
  await expectUnreachable(mapping);
  await expect(kept).toBeTakenFromUserMode(kernelLog);
});

test('part of a mapping cannot be unmapped, and the try changes nothing', async ({
  vfio,
  kernelLog,
  verifyPte,
}) => {
  const mapping = await vfio.mapDma({ pages: 8 });
  const part = { iova: mapping.iova + 0x2000n, size: 0x2000n };
  // Type 1, version 2, does not split what was mapped at once (drivers/vfio/vfio_iommu_type1.c, vfio_dma_do_unmap).
  await expect(mapping.process.request('unmap', part)).rejects.toThrow(/EINVAL/);
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, mapping);
  await expectNoAccess(mapping);
});

test('one unmap takes several mappings, and those beside it stay', async ({ vfio, kernelLog }) => {
  const process = await vfio.process();
  const iova = 0x4000_0000n;
  const [first, second, third] = [
    await process.mapDma({ pages: 2, iova }),
    await process.mapDma({ pages: 2, iova: iova + 0x2000n }),
    await process.mapDma({ pages: 2, iova: iova + 0x4000n }),
  ];
  const reply = await process.request('unmap', { iova, size: 0x4000n });
  expect(reply.bigint('unmapped')).toBe(0x4000n);
  for (const gone of [first, second]) await expectUnreachable(gone);
  await expect(third).toBeTakenFromUserMode(kernelLog);
});

test('what was unmapped can be mapped again, and is closed still', async ({ vfio, kernelLog, verifyPte }) => {
  const first = await vfio.mapDma({ pages: 4 });
  await first.unmap();
  const again = await first.process.mapDma({ pages: 4, buffer: first.buffer, iova: first.iova });
  await expect(again).toBeTakenFromUserMode(kernelLog);
  await expectSameInGuest(verifyPte, again);
  await expectNoAccess(again);
});
