import { _PAGE_USER, hex } from '../../../paging/index.js';
import type { Evidence, Finding } from './evidence.js';

/** The page that user mode may see in the kernel half (arch/x86/entry/vsyscall, 6.1). */
const vsyscall = 0xffff_ffff_ff60_0000n;

/** Leaf entries of the kernel half, those of the direct map among them, with `_PAGE_USER`: one page alone has it rightly. */
export function kernelHalfFindings({ kernelHalf }: Evidence): Finding[] {
  if (!kernelHalf) return [];
  const { low, length } = kernelHalf.columns;
  const details: string[] = [];
  for (let row = 0; row < length; row += 1) {
    if (((low[row] ?? 0) & Number(_PAGE_USER)) === 0) continue;
    const leaf = kernelHalf.at(row);
    if (leaf && leaf.address !== vsyscall)
      details.push(`leaf entry of ${hex(leaf.address)}: ${hex(leaf.raw)}`);
  }
  if (details.length === 0) return [];
  return [
    {
      kind: 'defect',
      title:
        "The driver sets _PAGE_USER in the kernel half of the tables, where the direct map lies: it changes the kernel's entries for memory, not the process's.",
      details: details.slice(0, 8),
    },
  ];
}
