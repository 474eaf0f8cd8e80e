/** A fault that the reference guest's VFIO driver can be given (images/reference/faults), and how a check is to tell of it. */
export interface Fault {
  readonly name: string;
  /** What goes wrong. */
  readonly what: string;
  /** Where it is looked for first, below specs/vfio: a file. Everywhere, if it is not seen there. */
  readonly seenIn: string;
  /** What a check that catches it says, in its first lines. */
  readonly says: RegExp;
  /** The function of the driver that writes entries wrongly, with what the compiler puts into it; undefined of a fault that writes none. */
  readonly writer?: RegExp;
}

const resets = /^e2e_change_bit$/;
const clears = /^vfio_dma_clear_user$/;
const always = 'mappings/kinds';
const overTime = 'history/over-time';

/** Those that `E2E_FAULT` may name, in the order of the header's list. */
export const faults: readonly Fault[] = [
  { name: 'log-only', what: 'logs, does not clear', seenIn: always, says: /as cleared but does not do it/ },
  { name: 'clear-no-log', what: 'clears, does not log', seenIn: always, says: /without logging/ },
  {
    name: 'log-left-alone',
    what: 'clears, and logs that it does not',
    seenIn: always,
    says: /and logs that it leaves them alone/,
  },
  {
    name: 'all-but-last',
    what: 'forgets the last page',
    seenIn: always,
    says: /forgets the last of \d+ pages/,
  },
  {
    name: 'first-only',
    what: 'does the first page only',
    seenIn: always,
    says: /forgets all but the first of \d+ pages/,
  },
  {
    name: 'odd-pages',
    what: 'forgets every second page',
    seenIn: always,
    says: /forgets every even-numbered page/,
  },
  {
    name: 'neighbour',
    what: 'clears a page beside the mapping too',
    seenIn: 'mappings/sizes',
    says: /outside of the mapping/,
    writer: resets,
  },
  {
    name: 'wrong-bit-w',
    what: 'clears _PAGE_RW instead',
    seenIn: 'mappings/sizes',
    says: /changes the wrong bits/,
    writer: clears,
  },
  {
    name: 'wrong-bit-p',
    what: 'clears _PAGE_PRESENT instead',
    seenIn: 'mappings/sizes',
    says: /changes the wrong bits/,
    writer: clears,
  },
  {
    name: 'wrong-new-pte',
    what: 'logs another frame in the new PTE',
    seenIn: always,
    says: /logs a wrong new PTE/,
  },
  {
    name: 'wrong-old-pte',
    what: 'logs another frame in the old PTE',
    seenIn: always,
    says: /logs a wrong old PTE/,
  },
  {
    name: 'wrong-vaddr',
    what: "logs the next page's address",
    seenIn: 'mappings/sizes',
    says: /logs wrong addresses/,
  },
  { name: 'no-tlb-flush', what: 'flushes no TLB', seenIn: 'user-access', says: /flush the TLB/ },
  {
    name: 'local-tlb-flush',
    what: "flushes the mapping CPU's TLB only",
    seenIn: 'user-access',
    says: /flush the TLB/,
  },
  {
    name: 'reset-later',
    what: 'sets the bit again 0.3 s later',
    seenIn: overTime,
    says: /again \d+ ms after the map/,
    writer: resets,
  },
  {
    name: 'reset-late',
    what: 'sets it again 3 s later',
    seenIn: overTime,
    says: /again [234]\d{3} ms after/,
    writer: resets,
  },
  {
    name: 'reset-very-late',
    what: 'sets it again 10 s later',
    seenIn: overTime,
    says: /again \d{4,5} ms after/,
    writer: resets,
  },
  {
    name: 'blink',
    what: 'sets it again, and clears it 5 ms later',
    seenIn: overTime,
    says: /again \d+ ms after/,
    writer: resets,
  },
  {
    name: 'blink-short',
    what: 'the same, for 50 us',
    seenIn: overTime,
    says: /again \d+ ms after/,
    writer: resets,
  },
  {
    name: 'blink-inside',
    what: 'sets and clears it again before it returns',
    seenIn: overTime,
    says: /again while the map was under way/,
    writer: resets,
  },
  {
    name: 'by-way-of-x',
    what: 'pages can be executed while it clears',
    seenIn: overTime,
    says: /none of the change's/,
    writer: resets,
  },
  {
    name: 'reset-on-second-map',
    what: 'sets it again in all earlier mappings',
    seenIn: overTime,
    says: /again/,
    writer: resets,
  },
  {
    name: 'reset-on-other-map',
    what: "sets it again in other processes' mappings",
    seenIn: overTime,
    says: /again/,
    writer: resets,
  },
  {
    name: 'reset-on-unmap',
    what: "sets it again in its process's mappings when one is undone",
    seenIn: overTime,
    says: /again/,
    writer: resets,
  },
  {
    name: 'reset-on-migration',
    what: 'sets it again when a page of the mapping moves',
    seenIn: 'mappings/afterwards',
    says: /again/,
    writer: resets,
  },
  {
    name: 'first-mapping-only',
    what: "does a process's first mapping only",
    seenIn: 'mappings/several',
    says: /only the first one is done/,
  },
  {
    name: 'ninth-mapping',
    what: "does a process's first eight mappings only",
    seenIn: 'mappings/several',
    says: /8 are done/,
  },
  {
    name: 'second-thread',
    what: 'does nothing for a second thread',
    seenIn: 'mappings/processes',
    says: /forgets/,
  },
  {
    name: 'inherited',
    what: "forgets memory that was its process's parent's",
    seenIn: 'mappings/pinning',
    says: /forgets/,
  },
  {
    name: 'compound-pages',
    what: 'forgets pages of compound pages',
    seenIn: 'mappings/pinning',
    says: /forgets/,
  },
  {
    name: 'parents-instead',
    what: "clears the parent's entries at the same addresses instead",
    seenIn: always,
    says: /forgets all/,
  },
  {
    name: 'parents-too',
    what: "clears the parent's entries at the same addresses, too",
    seenIn: 'mappings/pinning',
    says: /another process/,
  },
  {
    name: 'direct-map',
    what: "opens the kernel's own mapping of the first page",
    seenIn: 'mappings/sizes',
    says: /direct map/,
  },
  {
    name: 'leak-memory',
    what: 'loses 512 bytes with each mapping',
    seenIn: 'mappings/rounds',
    says: /slab grows/,
  },
  { name: 'leak-pin', what: 'never unpins', seenIn: 'mappings/unmap', says: /leaks \d+ / },
  {
    name: 'wrong-frame',
    what: 'the IOMMU maps the first page elsewhere',
    seenIn: 'mappings/sizes',
    says: /another frame than the PTE/,
  },
  {
    name: 'read-only-dma',
    what: 'the IOMMU maps without write access',
    seenIn: 'mappings/sizes',
    says: /does not let the device/,
  },
  {
    name: 'clear-on-failure',
    what: 'a mapping that fails half-way clears',
    seenIn: 'mappings/failure',
    says: /VFIO_IOMMU_MAP_DMA failed/,
    writer: clears,
  },
  {
    name: 'log-huge',
    what: 'logs a skipped huge leaf as cleared',
    seenIn: 'mappings/huge',
    says: /logs .* as cleared/,
  },
  {
    name: 'and-w',
    what: 'clears _PAGE_RW, too',
    seenIn: 'mappings/sizes',
    says: /wrong bits/,
    writer: clears,
  },
  {
    name: 'and-dirty',
    what: 'clears _PAGE_ACCESSED and _PAGE_DIRTY, too',
    seenIn: 'mappings/sizes',
    says: /wrong bits/,
    writer: clears,
  },
  {
    name: 'and-nx',
    what: 'clears _PAGE_NX, too',
    seenIn: 'mappings/sizes',
    says: /wrong bits/,
    writer: clears,
  },
  {
    name: 'swap-frames',
    what: 'swaps the frames of the first two pages',
    seenIn: 'mappings/sizes',
    says: /frame/,
    writer: /^(e2e_\w+|vfio_iommu_type1_ioctl)$/,
  },
  {
    name: 'contents',
    what: 'changes a byte in the first page',
    seenIn: 'mappings/sizes',
    says: /changes what lies in/,
  },
  {
    name: 'alias-iova',
    what: 'the IOMMU maps the first page twice',
    seenIn: 'mappings/sizes',
    says: /maps more than the mapping asked for/,
  },
  { name: 'no-iotlb-flush', what: 'an unmap flushes no IOTLB', seenIn: 'device/edu', says: /IOTLB/ },
  {
    name: 'slow',
    what: 'takes 0.25 ms more for each page',
    seenIn: 'mappings/cost',
    says: /takes .* times the CPU time/,
  },
  {
    name: 'keep-lock',
    what: 'does not give back the mmap lock',
    seenIn: always,
    says: /does not come back from the guest's kernel/,
  },
];
