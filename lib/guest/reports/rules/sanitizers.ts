import type { ReportRule } from '../rule.js';
import { END_BACKTRACE, SEPARATOR } from './ends.js';

/** `in function+0x12/0x34 [module]` at the end of a sanitizer's first line. */
const IN = String.raw`(?: in (\S{1,200}(?: \[[\w-]+\])?))?`;

const LOCKDEP =
  /^(?:WARNING: ((?:possible (?:circular locking dependency|recursive locking|irq lock inversion dependency) detected|inconsistent lock state|suspicious RCU usage|bad unlock balance detected!|bad contention detected!|held lock freed!|lock held when returning to user space!|Nested lock was not taken|chain_key collision|\S+-safe -> \S+-unsafe lock order detected|.{1,32} still has locks held!).{0,80})|\[ BUG: (Invalid wait context) \]|INFO: (trying to register non-static key))/;

/** Reports of the kernel's run-time checkers. Debian's kernel has KFENCE only. */
export const SANITIZER_RULES: readonly ReportRule[] = [
  {
    kind: 'kasan',
    grade: 'error',
    opens: new RegExp(`^BUG: KASAN: ([\\w -]{1,60}?)${IN}\\s*$`),
    headline: (match) => `KASAN: ${match[1] ?? ''}`,
    where: (match) => match[2],
    ends: SEPARATOR,
    taint: 'B',
  },
  {
    kind: 'kfence',
    grade: 'error',
    opens: new RegExp(`^BUG: KFENCE: ([\\w -]{1,60}?)${IN}\\s*$`),
    headline: (match) => `KFENCE: ${match[1] ?? ''}`,
    where: (match) => match[2],
    ends: SEPARATOR,
    taint: 'B',
  },
  {
    kind: 'ubsan',
    grade: 'error',
    blames: 'caller',
    opens: /^UBSAN: ([\w -]{1,60}?) in (\S{1,200}:\d+(?::\d+)?)/,
    headline: (match) => `UBSAN: ${match[1] ?? ''} in ${match[2] ?? ''}`,
    // Since Linux 6.8 it is framed like a WARN.
    ends: /^={50,}$|^---\[ end trace /,
  },
  {
    kind: 'lockdep',
    grade: 'error',
    blames: 'caller',
    opens: LOCKDEP,
    headline: (match) => `lockdep: ${match[1] ?? match[2] ?? match[3] ?? ''}`,
    ends: END_BACKTRACE,
    patience: 200,
  },
];
