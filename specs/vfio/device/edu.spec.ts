import { expect, test } from '../../../fixtures/index.js';
import { EduDevice } from '../../../lib/guest/device/edu.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import type { OpenedMemory } from '../../../lib/memory/index.js';
import { hex } from '../../../lib/paging/index.js';

// QEMU's edu device does real DMA, through the guest's IOMMU. It has no migration state: these machines are booted.
test.use({ machineOptions: { device: 'edu', coldBoot: true } });

/** The first 8 bytes of a page of the mapping, from outside: no process and no device is asked. */
async function held(memory: OpenedMemory, mapping: DmaMapping, page: number): Promise<string> {
  const address = (await mapping.entries()).at(page)?.physicalAddress;
  if (address === undefined) throw new RangeError(`page ${page} is not there`);
  return hex(Buffer.from(await memory.memory.read(address, 8)).readBigUInt64LE());
}

const value = 0xfeed_5eed_0000_0100n;

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

test.describe('after an unmap', () => {
  test.use({
    kernelReports: { expect: [{ kind: 'dmar-fault', title: /DMA Write.*00:05\.0.*(?:addr |0x)0*100000\b/ }] },
  });

  test("the device's write raises a DMAR fault and changes nothing", async ({ vfio, memory }) => {
    const mapping = await filledMapping(vfio);
    const edu = new EduDevice(mapping.process);
    await edu.readMemory({ iova: mapping.iova + 4096n });
    await mapping.unmap();
    await edu.writeMemory({ iova: mapping.iova });
    expect(await held(memory, mapping, 0)).toBe(hex(value));
  });
});

test.describe('after an unmap', () => {
  test.use({
    kernelReports: { expect: [{ kind: 'dmar-fault', title: /DMA Read.*00:05\.0.*(?:addr |0x)0*100000\b/ }] },
  });

  test("the device's read raises a DMAR fault and yields nothing", async ({ vfio, memory }) => {
    const mapping = await filledMapping(vfio);
    const edu = new EduDevice(mapping.process);
    const process = mapping.process;
    const other = await process.mapDma({ pages: 1 });
    await mapping.unmap();
    await edu.readMemory({ iova: mapping.iova });
    // What the device has in its buffer now, seen through a mapping that lives.
    await edu.writeMemory({ iova: other.iova });
    expect(await held(memory, other, 0)).not.toBe(hex(value));
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
