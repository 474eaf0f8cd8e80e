import type { KernelReport } from './report.js';

/** One flag of /proc/sys/kernel/tainted. */
export interface TaintFlag {
  readonly bit: number;
  /** As in `Tainted: G W OE`. */
  readonly letter: string;
  readonly meaning: string;
}

/** `taint_flags` in `kernel/panic.c` and Documentation/admin-guide/tainted-kernels.rst, Linux 6.1. */
const FLAGS: readonly TaintFlag[] = (
  [
    ['P', 'a proprietary module was loaded'],
    ['F', 'a module was loaded by force'],
    ['S', 'the CPU is out of its specification'],
    ['R', 'a module was unloaded by force'],
    ['M', 'a machine check was reported'],
    ['B', 'a bad page or page table was found'],
    ['U', 'user space asked for the taint'],
    ['D', 'the kernel died once (oops or BUG)'],
    ['A', 'an ACPI table was overridden'],
    ['W', 'a warning was issued (WARN)'],
    ['C', 'a staging driver was loaded'],
    ['I', 'a firmware bug was worked around'],
    ['O', 'an out-of-tree module was loaded'],
    ['E', 'an unsigned module was loaded'],
    ['L', 'a soft lockup occurred'],
    ['K', 'the kernel was live patched'],
    ['X', 'a taint of the distribution'],
    ['T', 'built with structure randomisation'],
    ['N', 'a test of the kernel was run'],
  ] as const
).map(([letter, meaning], bit) => ({ bit, letter, meaning }));

/**
 * The flags of a value of /proc/sys/kernel/tainted. A bit that is not known (a newer kernel) comes with the letter `?`.
 *
 * @param mask not negative
 */
export function decodeTaint(mask: bigint): TaintFlag[] {
  const flags: TaintFlag[] = [];
  for (let bit = 0, rest = mask; rest > 0n; bit++, rest >>= 1n) {
    if ((rest & 1n) === 1n)
      flags.push(FLAGS[bit] ?? { bit, letter: '?', meaning: `unknown flag, bit ${bit}` });
  }
  return flags;
}

/** A report for every flag that came between two readings of /proc/sys/kernel/tainted. */
export function taintReports(before: bigint, after: bigint): KernelReport[] {
  return decodeTaint(after & ~before).map(({ letter, bit, meaning }) => ({
    kind: 'taint',
    grade: 'warning',
    title: `new taint ${letter} (bit ${bit}): ${meaning}`,
    where: undefined,
    index: -1,
    time: undefined,
    text: `/proc/sys/kernel/tainted was ${before} and is ${after}: ${letter} (bit ${bit}), ${meaning}`,
    complete: true,
    truncated: false,
    taints: [letter],
  }));
}
