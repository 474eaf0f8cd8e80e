import { expect, test } from '../../../fixtures/index.js';
import { vfioFailure } from './failure.js';

const page = 4096n;

test('a mapping larger than RLIMIT_MEMLOCK allows', async ({ vfio, kernelLog }) => {
  const process = await vfio.process();
  await process.request('limitMemlock', { bytes: 4n << 20n });
  const { failure, message } = await vfioFailure(process.mapDma({ pages: 4096 }));
  expect(failure.errno).toBe('ENOMEM');
  expect(message).toMatch(/VFIO_IOMMU_MAP_DMA of 0x1000000 bytes.*RLIMIT_MEMLOCK.*raise the limit/);
  expect((await kernelLog.entries()).some(({ text }) => /RLIMIT_MEMLOCK .* exceeded/.test(text))).toBe(true);
  // What failed has changed nothing, and a mapping within the limit is made.
  await expect(await process.mapDma({ pages: 4 })).toHaveUserBitCleared();
});

test.describe('a small guest', () => {
  test.use({ machineOptions: { memory: '512m' } });

  test('memory that the guest does not have', async ({ vfio }) => {
    const process = await vfio.process();
    const { failure, message } = await vfioFailure(process.alloc({ pages: 1 << 18, populate: false }));
    expect(failure.errno).toBe('ENOMEM');
    expect(message).toMatch(/mmap of 0x40000000 bytes.*give the machine more/);
  });

  test.describe('that runs out of memory', () => {
    test.use({ kernelReports: { expect: [{ kind: 'oom' }] } });

    test("a mapping larger than the guest's RAM: the kernel ends the process, and the report says why", async ({
      vfio,
      guest,
    }) => {
      await guest.succeed(['sysctl', '-w', 'vm.overcommit_memory=1']);
      const process = await vfio.process();
      const { address, size } = await process.alloc({ pages: 1 << 18, populate: false });
      await expect(process.request('map', { vaddr: address, size, iova: 0x100000n })).rejects.toThrow(
        /ended|closed its stdout|exit code 137|ENOMEM/,
      );
    });
  });
});

test('ranges that cannot be mapped', async ({ vfio }) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 4 });
  const readOnly = await process.alloc({ pages: 1, protection: 'r' });
  await process.mapDma({ pages: 1, iova: 0x40000000n });
  const cases: [string, { vaddr: bigint; size: bigint; iova: bigint }, string, RegExp][] = [
    ['an unaligned address', { vaddr: address + 8n, size: page, iova: page }, 'EINVAL', /multiples of 4096/],
    ['an unaligned iova', { vaddr: address, size: page, iova: 8n }, 'EINVAL', /multiples of 4096/],
    ['half a page', { vaddr: address, size: 2048n, iova: page }, 'EINVAL', /multiples of 4096/],
    ['nothing', { vaddr: address, size: 0n, iova: page }, 'EINVAL', /multiples of 4096/],
    ['the MSI window', { vaddr: address, size: page, iova: 0xfee00000n }, 'EINVAL', /MSI window/],
    ['an iova that is taken', { vaddr: address, size: page, iova: 0x40000000n }, 'EEXIST', /unmap it first/],
    ['memory that is not there', { vaddr: 0x10000n, size: page, iova: page }, 'EFAULT', /allocate it first/],
    [
      'read-only memory',
      { vaddr: readOnly.address, size: page, iova: page },
      'EFAULT',
      /without write access/,
    ],
  ];
  for (const [what, args, errno, remedy] of cases) {
    await test.step(what, async () => {
      const { failure, message } = await vfioFailure(process.request('map', args));
      expect(failure.errno).toBe(errno);
      expect(message).toMatch(remedy);
    });
  }
  const part = await process.mapDma({ pages: 4 });
  const unmapped = await vfioFailure(process.request('unmap', { iova: part.iova, size: page }));
  expect(unmapped.message).toMatch(/EINVAL.*undone as a whole/);
});
