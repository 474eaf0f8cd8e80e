/** Memory that its process gives up while it is mapped for DMA: pinned, and no longer in the page tables when they are changed. */
import { expect, test } from '../../../fixtures/index.js';
import type { KernelLogFollower } from '../../../lib/guest/kernel-log-follower.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';
import { _PAGE_PRESENT, _PAGE_USER, hex } from '../../../lib/paging/index.js';

// How what was left alone is told is the reference driver's own promise.
test.use({ needs: ['@reference-driver'] });

const pageSize = 4096n;
const table = 512n * pageSize;
const iova = 0x10_0000n;

interface Race {
  readonly vaddr: bigint;
  readonly pages: number;
  /** Bytes, from there on. */
  readonly givenUp: bigint;
  readonly offset: bigint;
  readonly way: 'dontneed' | 'unmap';
}

/**
 * Maps memory of which a part is given up meanwhile. A vCPU that the host leaves waiting comes too late to give it up, and then all is cleared:
 * until it was in time, at most eight times.
 *
 * @returns the driver's lines of the last time
 */
async function raceOf(
  process: VfioProcess,
  kernelLog: KernelLogFollower,
  { vaddr, pages, ...race }: Race,
): Promise<string[]> {
  const size = BigInt(pages) * pageSize;
  let seen = 0;
  for (let lost = 0; ; lost += 1) {
    await process.request('alloc', { size, address: vaddr });
    await process.request('mapWhileGivenUp', { vaddr, size, iova, ...race });
    const all = (await kernelLog.entries()).map(({ text }) => text);
    const lines = all.filter((line) => line.includes(' _PAGE_USER at vaddr '));
    const last = lines.slice(seen);
    seen = lines.length;
    if (lost === 8 || last.some((line) => line.startsWith('VFIO: Not clearing '))) return last;
    await process.request('unmap', { iova, size });
    await process.request('free', { address: vaddr, size });
  }
}

function leftAlone(vaddr: bigint, size: bigint, reason: string): string {
  return `VFIO: Not clearing _PAGE_USER at vaddr ${hex(vaddr)}-${hex(vaddr + size)} (${reason}), entry: 0x0`;
}

test('a page that its process gives up meanwhile is left as it is, and the log says so', async ({
  vfio,
  kernelLog,
}) => {
  const process = await vfio.process();
  const [vaddr, pages] = [0x6000_0000n, 64];
  const lines = await raceOf(process, kernelLog, {
    vaddr,
    pages,
    offset: pageSize,
    givenUp: pageSize,
    way: 'dontneed',
  });
  expect(lines.filter((line) => line.startsWith('VFIO: Not clearing '))).toEqual([
    leftAlone(vaddr + pageSize, pageSize, 'not present'),
  ]);
  expect(lines, 'Two lines of each other page').toHaveLength(1 + 2 * (pages - 1));
  const [first, empty, ...others] = await process.entries(vaddr, pages);
  expect(hex(empty?.raw ?? 1n), 'The entry that was empty when it was to be changed').toBe('0x0');
  for (const entry of [first, ...others])
    expect(
      (entry?.raw ?? 0n) & (_PAGE_PRESENT | _PAGE_USER),
      'What is left of the entry of a page that was not given up',
    ).toBe(_PAGE_PRESENT);
});

// What is given up is a page table's 2 MiB: the last before a boundary of the level above takes that level's table with it.
for (const [what, vaddr] of [
  ['page table', 0x6000_0000n],
  ['page directory', 0x1000_4000_0000n - table],
  ['page-directory-pointer table', 0x1080_0000_0000n - table],
] as const) {
  test(`a ${what} that its process gives up meanwhile is not followed, and the log says so`, async ({
    vfio,
    kernelLog,
  }) => {
    const process = await vfio.process();
    const pages = 10 * 512;
    const lines = await raceOf(process, kernelLog, {
      vaddr,
      pages,
      offset: 0n,
      givenUp: table,
      way: 'unmap',
    });
    expect(lines.filter((line) => line.startsWith('VFIO: Not clearing '))).toEqual([
      leftAlone(vaddr, table, 'no page table'),
    ]);
    expect(lines, 'Two lines of each other page').toHaveLength(1 + 2 * (pages - 512));
  });
}
