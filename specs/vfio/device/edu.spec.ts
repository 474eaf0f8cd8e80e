import { expect, test } from '../../../fixtures/index.js';
import { EduDevice } from '../../support/edu.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import type { MachineMemory } from '../../../lib/machine/machine.js';
import { hex } from '../../../lib/paging/index.js';
import { expectUnreachable } from '../mappings/agreement.js';

// QEMU's edu device does real DMA, through the guest's IOMMU. It has no migration state: these machines are booted.
test.use({ needs: ['@other-devices'], machineOptions: { device: 'edu', coldBoot: true } });

/** The first 8 bytes of a page of the mapping, from outside: no process and no device is asked. */
async function held(memory: MachineMemory, mapping: DmaMapping, page: number): Promise<string> {
  const address = (await mapping.entries()).at(page)?.physicalAddress;
  if (address === undefined) throw new RangeError(`page ${page} is not there`);
  return hex(Buffer.from(await memory.memory.read(address, 8)).readBigUInt64LE());
}

const value = 0xfeed_5eed_0000_0100n;

/** Of the mapping's four pages, from the first free iova on. */
function faultAt(direction: 'Read' | 'Write'): RegExp {
  return new RegExp(`DMA ${direction}.*00:05\\.0.*(?:addr |0x)0*10[023]000\\b`);
}

async function filledMapping(
  vfio: { process(): Promise<DmaMapping['process']> },
  options: { write?: boolean; iova?: bigint } = {},
): Promise<DmaMapping> {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 4 });
  await process.request('fill', { address: buffer.address, size: buffer.size, value });
  return process.mapDma({ pages: 4, buffer, ...options });
}

test('the device reads and writes a cleared page while user mode cannot', async ({ vfio, memory }) => {
  const mapping = await filledMapping(vfio);
  const edu = new EduDevice(mapping.process);
  await expect(mapping).toHaveUserBitCleared();

  await test.step('page 0 to the device, and from there to page 3', async () => {
    await edu.readMemory({ iova: mapping.iova });
    await expect(mapping.touch(0)).rejects.toMatchPageFault({ user: true, present: true });
    await edu.writeMemory({ iova: mapping.iova + 3n * 4096n });
    await expect(mapping.touch(3)).rejects.toMatchPageFault({ user: true, present: true });
  });

  expect(await held(memory, mapping, 3)).toBe(hex(value));
  // And the pages between are as they were.
  expect(await held(memory, mapping, 1)).toBe(hex(value + 1n));
  expect(await held(memory, mapping, 2)).toBe(hex(value + 2n));
  await expect(mapping).toHaveUserBitCleared();
});

// A translation that the IOMMU was asked for stays in its cache (IOTLB) until the driver flushes it: only an iova that the device used while
// it was mapped tells whether an unmap did. The frames behind it may be another's by now.
test.describe('after an unmap of pages that the device has used', () => {
  // First, last and one between: the kernel's log has room for three faults within five seconds (dmar_fault() in drivers/iommu/intel/dmar.c).
  const tried = [0, 2, 3] as const;
  const iovaOf = (mapping: DmaMapping, page: number): bigint => mapping.iova + BigInt(page) * 4096n;
  const reached = (page: number): string =>
    `The device reaches page ${page} after its unmap. If the IOMMU's tables no longer map it, the driver does not flush the IOTLB.`;

  test.describe('for writing', () => {
    test.use({ kernelReports: { expect: [{ kind: 'dmar-fault', title: faultAt('Write') }] } });

    test("the device's writes raise DMAR faults and change nothing", async ({ vfio, memory }) => {
      const mapping = await filledMapping(vfio);
      const edu = new EduDevice(mapping.process);
      for (const page of tried) await edu.readMemory({ iova: iovaOf(mapping, page) });
      await mapping.unmap();
      // From where its buffer holds zeros.
      for (const page of tried) await edu.writeMemory({ iova: iovaOf(mapping, page), offset: 2048 });
      for (const page of tried)
        expect(await held(memory, mapping, page), reached(page)).toBe(hex(value + BigInt(page)));
      await expectUnreachable(mapping);
    });
  });

  test.describe('for reading', () => {
    test.use({ kernelReports: { expect: [{ kind: 'dmar-fault', title: faultAt('Read') }] } });

    test("the device's reads raise DMAR faults and yield nothing", async ({ vfio, memory }) => {
      const mapping = await filledMapping(vfio);
      const edu = new EduDevice(mapping.process);
      // What the device read is seen through a mapping that lives.
      const other = await mapping.process.mapDma({ pages: mapping.pages });
      for (const page of tried) await edu.readMemory({ iova: iovaOf(mapping, page) });
      // A read that fails may leave the device's buffer as it is: zeros, from here.
      await edu.readMemory({ iova: other.iova });
      await mapping.unmap();
      for (const page of tried) {
        await edu.readMemory({ iova: iovaOf(mapping, page) });
        await edu.writeMemory({ iova: iovaOf(other, page) });
        expect(await held(memory, other, page), reached(page)).not.toBe(hex(value + BigInt(page)));
      }
    });
  });
});

test.describe('of a read-only mapping', () => {
  test.use({ kernelReports: { expect: [{ kind: 'dmar-fault', title: /DMA Write/ }] } });

  test('the device may read, its write raises a DMAR fault and changes nothing', async ({ vfio, memory }) => {
    const mapping = await filledMapping(vfio, { write: false });
    const edu = new EduDevice(mapping.process);
    await edu.readMemory({ iova: mapping.iova + 4096n });
    await edu.writeMemory({ iova: mapping.iova });
    expect(await held(memory, mapping, 0)).toBe(hex(value));
  });
});

test.describe('with all 32 bits of its mask', () => {
  test.use({ machineOptions: { device: 'edu,dma_mask=0xffffffff', coldBoot: true } });

  test('the device reaches an iova beyond 256 MiB', async ({ vfio, memory }) => {
    const mapping = await filledMapping(vfio, { iova: 0xc000_0000n });
    const edu = new EduDevice(mapping.process);
    await edu.readMemory({ iova: mapping.iova });
    await edu.writeMemory({ iova: mapping.iova + 2n * 4096n });
    expect(await held(memory, mapping, 2)).toBe(hex(value));
  });
});
