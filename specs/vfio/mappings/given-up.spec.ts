/** Memory that its process gives up while it is mapped for DMA: pinned, and no longer in the page tables when they are changed. */
import { expect, test } from '../../../fixtures/index.js';
import { _PAGE_PRESENT, _PAGE_USER, hex } from '../../../lib/paging/index.js';

// How what was left alone is told is the reference driver's own promise.
test.use({ needs: ['@reference-driver'] });

const pageSize = 4096n;
const iova = 0x10_0000n;

test('a page that its process gives up meanwhile is left as it is, and the log says so', async ({
  vfio,
  guest,
}) => {
  const process = await vfio.process();
  const { address: vaddr, size } = await process.alloc({ pages: 4 });
  await process.request('mapWhileGivenUp', { vaddr, size, iova, givenUp: pageSize, way: 'dontneed' });
  const [first, ...others] = await process.entries(vaddr, 4);
  expect(hex(first?.raw ?? 1n), 'The entry that was empty when it was to be changed').toBe('0x0');
  for (const [page, entry] of others.entries())
    expect((entry.raw ?? 0n) & (_PAGE_PRESENT | _PAGE_USER), `What is left of page ${page + 1}'s entry`).toBe(
      _PAGE_PRESENT,
    );
  const lines = (await guest.succeed(['dmesg']))
    .split('\n')
    .filter((line) => line.includes(' _PAGE_USER at vaddr '));
  expect(lines, 'Lines of the driver: one of the page that was left alone, two of each other').toHaveLength(
    7,
  );
  expect(lines.join('\n')).toContain(
    `Not clearing _PAGE_USER at vaddr ${hex(vaddr)}-${hex(vaddr + pageSize)} (not present), entry: 0x0`,
  );
});

test('a page table that its process gives up meanwhile is not followed, and the log says so', async ({
  vfio,
  kernelLog,
}) => {
  const process = await vfio.process();
  const [vaddr, table] = [0x6000_0000n, 2n << 20n];
  // Others to be pinned, while the first one goes. A vCPU that the host leaves waiting comes too late, and then it is there.
  const others = 9;
  const size = BigInt(1 + others) * table;
  const isLeft = (line: string): boolean => line.startsWith('VFIO: Not clearing ');
  let log: string[] = [];
  let lost = -1;
  do {
    lost += 1;
    await process.request('alloc', { size, address: vaddr });
    await process.request('mapWhileGivenUp', { vaddr, size, iova, givenUp: table, way: 'unmap' });
    await process.request('unmap', { iova, size });
    await process.request('free', { address: vaddr, size });
    log = (await kernelLog.entries()).map(({ text }) => text);
  } while (!log.some(isLeft) && lost < 5);
  expect(log.filter(isLeft)).toEqual([
    `VFIO: Not clearing _PAGE_USER at vaddr ${hex(vaddr)}-${hex(vaddr + table)} (no page table), entry: 0x0`,
  ]);
  const cleared = log.filter((line) => line.startsWith('VFIO: Successfully cleared'));
  expect(cleared, 'Pages of the tables that were there').toHaveLength((others + lost * (1 + others)) * 512);
});
