import { expect, test } from '../../../fixtures/index.js';
import { pairClearings } from '../../../lib/guest/kernel-log/index.js';
import { readHoldings } from '../../../lib/guest/vfio/pins.js';

test('a mapping that fails half-way clears nothing, logs nothing and keeps nothing', async ({
  vfio,
  kernelLog,
  guest,
}) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 8, populate: false });
  // Faulted in out of order, so that neighbours lie apart in physical memory: the driver pins and maps a contiguous stretch at a time,
  // and must have done some before it fails.
  for (const page of [0n, 2n, 1n, 3n])
    await process.access(buffer.address + page * 0x1000n, { access: 'write' });
  const [first, second] = [...(await process.entries(buffer.address, 2))];
  expect(second?.physicalAddress).not.toBe((first?.physicalAddress ?? 0n) + 0x1000n);
  // No memory behind its second half: pinning stops there.
  await process.request('free', { address: buffer.address + 0x4000n, size: 0x4000n });
  const before = await process.scan();
  const held = await readHoldings(guest, process.pid);
  await expect(process.mapDma({ pages: 8, buffer })).rejects.toThrow(/EFAULT/);
  expect(await process.changesSince(before)).toLeaveUnchanged(buffer, 'VFIO_IOMMU_MAP_DMA failed (EFAULT)');
  expect(pairClearings(await kernelLog.entries()).records).toEqual([]);
  expect(await readHoldings(guest, process.pid)).toHoldMorePages(held, 0, 'after a mapping that failed');
  expect(await process.access(buffer.address, { access: 'write', value: 1n })).toMatchObject({
    outcome: 'done',
  });
});
