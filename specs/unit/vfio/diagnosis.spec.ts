import { expect, test } from '@playwright/test';

import { hex } from '../../../lib/paging/index.js';
import { type Deeds, diagnosisOf, entryBefore, frameOf, lines, pages } from './scene.js';

const isOurs = (page: number): boolean => page >= 0 && page < pages;
/** A driver that clears the mapping's pages for which `does` holds. */
const clears =
  (does: (page: number) => boolean) =>
  (page: number, before: bigint): bigint =>
    isOurs(page) && does(page) ? before & ~4n : before;

test('a correct driver has no findings', async () => {
  expect(await diagnosisOf()).toEqual([]);
});

test('accessed and dirty bits that the CPU sets are no findings', async () => {
  expect(
    await diagnosisOf({ entry: (page, before) => (isOurs(page) ? before & ~4n : before) | 0x60n }),
  ).toEqual([]);
});

/** Pages of which pinning makes a copy, in another frame: not writable, not dirty, and they were not used for a while. */
const copied: Deeds = {
  before: (page) => entryBefore(page) & ~0x62n,
  pin: (page, before) => (isOurs(page) ? (before | 0x62n) ^ 0x40_0000n : before),
};

const healthy: Readonly<Record<string, Deeds>> = {
  'pages are copied into other frames': copied,
  'pages that were read-only become writable, dirty and used': {
    ...copied,
    pin: (_, before) => before | 0x62n,
  },
  'the zero page is replaced, and its special bit goes': {
    before: (page) => 0x8000_0000_0000_0225n | frameOf(0) | (isOurs(page) ? 0n : 0x42n),
    pin: (page) => (isOurs(page) ? entryBefore(page + 0x100) : entryBefore(0) | 0x240n),
  },
  'a copy that the device may only read is not dirty': {
    write: false,
    before: (page) => entryBefore(page) & ~2n,
    pin: (page, before) => (isOurs(page) ? (before & ~0x40n) ^ 0x40_0000n : before),
  },
  'pages that were not there are brought in, and those around them': {
    before: () => 0n,
    pin: (page) => entryBefore(page),
  },
  'a page is moved by compaction before it is pinned': {
    pin: (page, before) => (page === 1 ? before ^ 0x40_0000n : before),
  },
  'pages were closed before, and it says nothing': {
    before: (page) => (isOurs(page) ? entryBefore(page) & ~4n : entryBefore(page)),
    log: () => [],
  },
  'a page that was given up holds zeros': { ...copied, byte: [7, 0] },
  'the neighbours are not used any more': {
    entry: (page, before) => (isOurs(page) ? before & ~4n : before & ~0x20n),
  },
  'KSM makes the neighbours clean and read-only meanwhile': {
    entry: (page, before) => (isOurs(page) ? before & ~4n : before & ~0x42n),
  },
  'KSM merges neighbours that were closed': {
    before: (page) => (isOurs(page) ? entryBefore(page) : (entryBefore(page) & ~4n) | 0x800n),
    entry: (page, before) => (isOurs(page) ? before & ~4n : 0x8000_0000_0123_4025n),
  },
  'a neighbour is empty for a moment, as the kernel changes it': {
    entry: (page, before) => (isOurs(page) ? before & ~4n : page === 4 ? 0n : before),
    later: (page, made) => (page === 4 ? entryBefore(4) : made),
  },
  'a fork makes the neighbours read-only later': {
    later: (page, made) => (isOurs(page) ? made : made & ~2n),
  },
  'the process gives up the neighbours later': { later: (page, made) => (isOurs(page) ? made : 0n) },
  'the process gives up the pages themselves later': { later: () => 0n },
};

for (const [name, deeds] of Object.entries(healthy)) {
  test(`a correct driver is not accused when ${name}`, async () => {
    expect(await diagnosisOf(deeds)).toEqual([]);
  });
}

// Faults that the reference driver can inject, and others that a driver might have.
const faults: readonly { name: string; deeds: Deeds; title: RegExp }[] = [
  {
    name: 'logs but does not clear',
    deeds: { entry: (_, before) => before },
    title: /^The driver logs all 4 pages as cleared but does not do it: /,
  },
  {
    name: 'does nothing at all',
    deeds: { entry: (_, before) => before, log: () => [] },
    title: /^The driver forgets all 4 pages: .* the log says nothing/,
  },
  {
    name: 'clears but does not log',
    deeds: { log: () => [] },
    title: /^The driver clears all 4 pages without logging/,
  },
  {
    name: 'clears and logs that it does not',
    deeds: {
      log: (_, address, before) => [
        `VFIO: Not clearing _PAGE_USER at vaddr ${hex(address)}-${hex(address + 4096n)} (not present), entry: ${hex(before)}`,
      ],
    },
    title: /^The driver clears all 4 pages and logs that it leaves them alone: /,
  },
  {
    name: 'forgets the last page',
    deeds: {
      entry: clears((page) => page !== 3),
      log: (page, address, before, after) => (page === 3 ? [] : lines(address, before, after)),
    },
    title: /^The driver forgets the last of 4 pages/,
  },
  {
    name: 'does even pages only, and claims all',
    deeds: { entry: clears((page) => page % 2 === 0) },
    title: /^The driver logs every odd-numbered page of 4 \(1, 3\) as cleared but does not do it: /,
  },
  {
    name: 'clears the page behind, too',
    deeds: { entry: (page, before) => (page >= 0 ? before & ~4n : before) },
    title:
      /^The driver changes pages outside of the mapping: 1 page .*, right behind the mapping: -_PAGE_USER/,
  },
  {
    name: 'clears the page before, too',
    deeds: { entry: (page, before) => (page < 4 ? before & ~4n : before) },
    title:
      /^The driver changes pages outside of the mapping: 1 page .*, right before the mapping: -_PAGE_USER/,
  },
  {
    name: 'clears W instead',
    deeds: { entry: (page, before) => (isOurs(page) ? before & ~2n : before) },
    title:
      /^The driver changes the wrong bits of all 4 pages: _PAGE_RW \(bit 1\) cleared; _PAGE_USER \(bit 2\) stays set/,
  },
  {
    name: 'clears P instead',
    deeds: { entry: (page, before) => (isOurs(page) ? before & ~1n : before) },
    title: /^The driver changes the wrong bits of all 4 pages: _PAGE_PRESENT \(bit 0\) cleared/,
  },
  {
    name: 'clears the dirty bit, too',
    deeds: { entry: (page, before) => (isOurs(page) ? before & ~0x44n : before) },
    title: /^The driver changes the wrong bits of all 4 pages: _PAGE_DIRTY \(bit 6\) cleared\. Only/,
  },
  {
    name: 'sets NX aside',
    deeds: { entry: (page, before) => (isOurs(page) ? (before & ~4n) ^ (1n << 63n) : before) },
    title: /^The driver changes the wrong bits of all 4 pages: .*_PAGE_NX \(bit 63\) cleared/,
  },
  {
    name: 'moves a page to another frame',
    deeds: {
      entry: (page, before) =>
        page === 2 ? (before & ~4n) ^ 0x10_0000n : isOurs(page) ? before & ~4n : before,
    },
    title: /^The driver changes the wrong bits of 1 of 4 pages \(2\): .*frame/,
  },
  {
    name: 'clears W, too, in pages that were pinned for writing when they were read-only',
    deeds: { ...copied, entry: (page, before) => (isOurs(page) ? before & ~6n : before) },
    title: /^The driver changes the wrong bits of all 4 pages: _PAGE_RW \(bit 1\) cleared\. Only/,
  },
  {
    name: 'clears D, too, in pages that were pinned for writing when they were read-only',
    deeds: { ...copied, entry: (page, before) => (isOurs(page) ? before & ~0x44n : before) },
    title: /^The driver changes the wrong bits of all 4 pages: _PAGE_DIRTY \(bit 6\) cleared\. Only/,
  },
  {
    name: 'clears NX, too, in pages that were pinned for writing when they were read-only',
    deeds: { ...copied, entry: (page, before) => (isOurs(page) ? before & ~((1n << 63n) | 4n) : before) },
    title: /^The driver changes the wrong bits of all 4 pages: _PAGE_NX \(bit 63\) cleared\. Only/,
  },
  {
    name: 'sets W in what was pinned for reading',
    deeds: {
      write: false,
      before: (page) => entryBefore(page) & ~2n,
      entry: (page, before) => (isOurs(page) ? (before & ~4n) | 2n : before),
    },
    title: /^The driver changes the wrong bits of all 4 pages: _PAGE_RW \(bit 1\) set\. Only/,
  },
  {
    name: 'clears the user bit of the table above',
    deeds: { entry: (_, before) => before, upperCleared: 4n },
    title: /^The driver clears _PAGE_USER in the PMD entry 0x\w+, not in the PTEs of all 4 pages/,
  },
  {
    name: 'sets the bit again later',
    deeds: { later: (page, made) => (isOurs(page) ? made | 4n : made) },
    title:
      /^The driver does not keep all 4 pages closed to user mode: .* was clear when VFIO_IOMMU_MAP_DMA returned/,
  },
  {
    name: 'closes a neighbour later',
    deeds: { later: (page, made) => (page === 4 ? made & ~4n : made) },
    title: /^The driver changes pages outside of the mapping: 1 page .*: -_PAGE_USER/,
  },
  {
    name: 'unmaps a neighbour',
    deeds: { entry: (page, before) => (page === 4 ? 0n : isOurs(page) ? before & ~4n : before) },
    title: /^The driver changes pages outside of the mapping: 1 page .*: unmapped now/,
  },
  {
    name: 'clears W of a neighbour',
    deeds: { entry: (page, before) => (page === 4 ? before & ~2n : clears(() => true)(page, before)) },
    title: /^The driver changes pages outside of the mapping: 1 page .*: -_PAGE_RW/,
  },
  {
    name: 'changes what lies in the pages',
    deeds: { byte: [1, 2] },
    title: /^The driver changes what lies in all 4 pages/,
  },
  {
    name: 'logs a wrong old PTE of pages that got another frame',
    deeds: { ...copied, log: (_, address, before, after) => lines(address, before ^ 0x4000n, after) },
    title: /^The driver logs a wrong old PTE/,
  },
  {
    name: 'logs a wrong new PTE',
    deeds: { log: (_, address, before, after) => lines(address, before, after ^ 0x1000n) },
    title: /^The driver logs a wrong new PTE/,
  },
  {
    name: 'logs a wrong old PTE',
    deeds: { log: (_, address, before, after) => lines(address, before ^ 0x100000n, after) },
    title: /^The driver logs a wrong old PTE/,
  },
  {
    name: 'logs the next page',
    deeds: { log: (_, address, before, after) => lines(address + 0x1000n, before, after) },
    title: /^The driver logs wrong addresses, off by \+0x1000/,
  },
  {
    name: 'logs twice',
    deeds: {
      log: (_, address, before, after) => [
        ...lines(address, before, after),
        ...lines(address, before, after),
      ],
    },
    title: /^The driver logs the same page more than once/,
  },
  {
    name: 'never says that it is done',
    deeds: { log: (_, address, before, after) => lines(address, before, after).slice(0, 1) },
    title: /^The driver clears all 4 pages without logging/,
  },
  {
    name: 'logs a page of nobody',
    deeds: {
      log: (page, address, before, after) => [
        ...lines(address, before, after),
        ...(page === 3 ? lines(0x5000_0000n, before, after) : []),
      ],
    },
    title: /^The driver logs a page as cleared that was never mapped for DMA: 0x50000000/,
  },
  {
    name: 'maps another frame in the IOMMU',
    deeds: { device: (page, frame) => (page === 0 ? 0x5555_0003n & ~0xff0n : page < 4 ? frame | 3n : 0n) },
    title: /^The IOMMU maps the first of 4 pages to another frame than the PTE names/,
  },
  {
    name: 'maps read-only in the IOMMU',
    deeds: { device: (page, frame) => (page < 4 ? frame | 1n : 0n) },
    title: /^The IOMMU does not let the device read and write all 4 pages/,
  },
  {
    name: 'forgets the IOMMU for one page',
    deeds: { device: (page, frame) => (page < 4 && page !== 1 ? frame | 3n : 0n) },
    title: /^The IOMMU does not map 1 of 4 pages \(1\)/,
  },
  {
    name: 'maps one page too many in the IOMMU',
    deeds: { device: (_, frame) => frame | 3n },
    title: /^The IOMMU maps more than the mapping asked for: iova 0x204000, right beside it/,
  },
  {
    name: "takes another process's page",
    deeds: { other: [0x8000_0000_0123_4067n, 0x8000_0000_0123_4063n] },
    title:
      /^The driver changes pages of another process, pid 7, which maps nothing: 1 page at 0x7f0000001000/,
  },
  {
    name: "opens the kernel's own mapping",
    deeds: { kernelLeaf: [0xffff_8880_0000_0000n, 0x8000_0000_0000_01e7n] },
    title: /^The driver sets _PAGE_USER in the kernel half of the tables, where the direct map lies/,
  },
  {
    name: 'maps a page in the IOMMU once more, far away',
    deeds: { alias: 0x40_0020_0000n },
    title: /^The IOMMU maps more than the mapping asked for: iova 0x4000200000\./,
  },
];

for (const { name, deeds, title } of faults) {
  test(`names the fault of a driver that ${name}`, async () => {
    const findings = await diagnosisOf(deeds);
    expect(findings[0]?.title).toMatch(title);
    expect(findings[0]?.kind).toBe('defect');
  });
}

test('what other processes and the kernel do rightly meanwhile is no fault', async () => {
  expect(await diagnosisOf({ other: [0x8000_0000_0123_4067n, 0x8000_0000_0123_4025n] })).toEqual([]);
  expect(await diagnosisOf({ kernelLeaf: [0xffff_ffff_ff60_0000n, 0x8000_0000_0123_4025n] })).toEqual([]);
  expect(await diagnosisOf({ kernelLeaf: [0xffff_8880_0000_0000n, 0x8000_0000_0000_01e3n] })).toEqual([]);
});

test('what the log says was left alone is told apart from what was forgotten', async () => {
  const left =
    'VFIO: Not clearing _PAGE_USER at vaddr 0x7f0000001000-0x7f0000005000 (2 MiB leaf), entry: 0xe7';
  const findings = await diagnosisOf({
    entry: (_, before) => before,
    log: (page) => (page === 0 ? [left] : []),
  });
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ kind: 'not-cleared-but-said' });
  expect(findings[0]?.title).toMatch(/leaves all 4 pages open to user mode, and its log says so: 2 MiB leaf/);
});
