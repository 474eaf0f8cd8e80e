import type { TlbEntry } from '../../../lib/monitor/index.js';
import type { Mapping, Scan, X86Entry } from '../../../lib/paging/index.js';

/** QEMU prints a leaf's address without these bits (7.2, target/i386/monitor.c, print_pte()). */
const bitsThatQemuDrops = (1n << 50n) | (1n << 51n);

/** How many differences are told; a decoder that is wrong is wrong for tens of thousands of pages. */
const told = 10;

/**
 * Compares a scan page by page with QEMU's own list of the same page tables (`info tlb`), in which each line is a page: the leaf's
 * bits, and its addresses. Returns what differs, in words, the first few.
 */
export function differencesFromTlb(scan: Scan<X86Entry>, tlb: readonly TlbEntry[]): string[] {
  const differences: string[] = [];
  const lines = new Map(tlb.map((line) => [line.virtualAddress, line]));
  if (lines.size !== tlb.length) differences.push(`info tlb names ${tlb.length - lines.size} pages twice`);
  if (scan.length !== tlb.length)
    differences.push(`the scan has ${scan.length} pages, info tlb ${tlb.length}`);
  for (const mapping of scan) {
    const line = lines.get(mapping.address);
    const problem = line ? difference(mapping, line) : 'info tlb does not have it';
    if (problem !== '')
      differences.push(`0x${mapping.address.toString(16)} (0x${mapping.raw.toString(16)}): ${problem}`);
    if (differences.length >= told) break;
  }
  return differences;
}

function difference({ entry, level, size, physicalAddress }: Mapping<X86Entry>, line: TlbEntry): string {
  const expected = {
    physicalAddress: physicalAddress & ~bitsThatQemuDrops,
    noExecute: entry.noExecute,
    global: entry.global,
    bit7: level > 1 || entry.pat,
    dirty: entry.dirty,
    accessed: entry.accessed,
    cacheDisable: entry.cacheDisable,
    writeThrough: entry.writeThrough,
    user: entry.user,
    writable: entry.writable,
  };
  const wrong = Object.entries(expected).filter(
    ([name, value]) => line[name as keyof typeof expected] !== value,
  );
  // The list has no sizes: that of a large page shows in the alignment of what it translates.
  if (((line.virtualAddress | line.physicalAddress) & (size - 1n)) !== 0n) wrong.push(['size', size]);
  return wrong.map(([name, value]) => `${name} is ${String(value)} here`).join(', ');
}
