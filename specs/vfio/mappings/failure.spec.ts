import { expect, test } from '../../../fixtures/index.js';
import type { Vfio } from '../../../fixtures/vfio.js';
import { pairClearings } from '../../../lib/guest/kernel-log/index.js';
import type { GuestBuffer } from '../../../lib/guest/vfio/options.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';
import { readHoldings } from '../../../lib/guest/vfio/pins.js';

/** Memory of 8 pages with nothing behind its second half: the driver pins and maps a part of it before it fails. */
async function brokenMemory(vfio: Vfio): Promise<{ process: VfioProcess; buffer: GuestBuffer }> {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 8, populate: false });
  // Faulted in out of order, so that neighbours lie apart in physical memory: the driver pins and maps a contiguous stretch at a time,
  // and must have done some before it fails.
  for (const page of [0n, 2n, 1n, 3n])
    await process.access(buffer.address + page * 0x1000n, { access: 'write' });
  const [first, second] = [...(await process.entries(buffer.address, 2))];
  expect(second?.physicalAddress).not.toBe((first?.physicalAddress ?? 0n) + 0x1000n);
  await process.request('free', { address: buffer.address + 0x4000n, size: 0x4000n });
  return { process, buffer };
}

test('a mapping that fails half-way keeps nothing', async ({ vfio, guest }) => {
  const { process, buffer } = await brokenMemory(vfio);
  const held = await readHoldings(guest, process.pid);
  await expect(process.mapDma({ pages: 8, buffer })).rejects.toThrow(/EFAULT/);
  expect(await readHoldings(guest, process.pid)).toHoldMorePages(held, 0, 'after a mapping that failed');
});

// A driver that clears as it pins has cleared some by then: that it undoes this is nowhere promised but by the project's own.
test(
  'a mapping that fails half-way clears nothing, and logs nothing',
  { tag: '@reference-driver' },
  async ({ vfio, kernelLog }) => {
    const { process, buffer } = await brokenMemory(vfio);
    const before = await process.scan();
    await expect(process.mapDma({ pages: 8, buffer })).rejects.toThrow(/EFAULT/);
    expect(await process.changesSince(before)).toLeaveUnchanged(buffer, 'VFIO_IOMMU_MAP_DMA failed (EFAULT)');
    expect(pairClearings(await kernelLog.entries()).records).toEqual([]);
    expect(await process.access(buffer.address, { access: 'write', value: 1n })).toMatchObject({
      outcome: 'done',
    });
  },
);
