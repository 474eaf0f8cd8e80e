import type { ReportRule } from '../rule.js';
import { END_BACKTRACE, SEPARATOR } from './ends.js';

/** `in function+0x12/0x34 [module]` in a sanitizer's first line; whoever decoded the log may have put a file and a line behind it. */
const IN = String.raw`(?: in (\S{1,200}(?: \[[\w-]+\])?).{0,200})?`;

const LOCKDEP =
  /^(?:(?:WARNING: |\[ (?:BUG|INFO): )((?:possible (?:circular locking dependency|recursive locking|irq lock inversion dependency) detected|inconsistent lock state|suspicious RCU usage|bad unlock balance detected!|bad contention detected!|held lock freed!|lock held when returning to user space!|Nested lock was not taken|chain_key collision|\S+-safe -> \S+-unsafe lock order detected|.{1,32} still has locks held!|Invalid wait context).{0,160}?)\s*\]?\s*$|INFO: (trying to register non-static key))/;

/** Reports of the kernel's run-time checkers. Debian's kernel has KFENCE only. */
export const SANITIZER_RULES: readonly ReportRule[] = [
  {
    kind: 'kasan',
    grade: 'error',
    source: '`mm/kasan/report.c`, 6.1',
    example: 'BUG: KASAN: slab-out-of-bounds in widget_reap+0x41/0x90 [widget]',
    healthy: 'kasan: KernelAddressSanitizer initialized',
    opens: new RegExp(`^BUG: KASAN: ([\\w: -]{1,60}?)${IN}\\s*$`),
    adds: /^((?:(?:Read|Write) of size \d+|Free) (?:at|of) addr [0-9a-f]+)/,
    headline: (match) => `KASAN: ${match[1] ?? ''}`,
    where: (match) => match[2],
    ends: SEPARATOR,
    // Whoever decodes a log repeats the line for each function that was inlined.
    absorbs: ['kasan'],
    taint: 'B',
  },
  {
    kind: 'kmsan',
    grade: 'error',
    source: '`mm/kmsan/report.c`, 6.1',
    example: 'BUG: KMSAN: uninit-value in widget_reap+0x41/0x90 [widget]',
    healthy: 'Starting KernelMemorySanitizer',
    opens: new RegExp(`^BUG: KMSAN: ([\\w: -]{1,60}?)${IN}\\s*$`),
    headline: (match) => `KMSAN: ${match[1] ?? ''}`,
    where: (match) => match[2],
    adds: /^(Bytes? [\d-]+ of \d+ (?:is|are) uninitialized)/,
    ends: SEPARATOR,
    absorbs: ['kmsan'],
    taint: 'B',
  },
  {
    kind: 'kcsan',
    grade: 'error',
    source: '`kernel/kcsan/report.c`, 6.1',
    example: 'BUG: KCSAN: data-race in widget_reap / widget_sow',
    healthy: 'kcsan: enabled early',
    opens: /^BUG: KCSAN: ([\w: -]{1,60}?) in (.{1,200})/,
    headline: (match) => `KCSAN: ${match[1] ?? ''} in ${match[2] ?? ''}`,
    where: (match) => match[2],
    adds: /^(value changed: 0x[0-9a-f]+ -> 0x[0-9a-f]+)/,
    ends: SEPARATOR,
    patience: 80,
  },
  {
    kind: 'kfence',
    grade: 'error',
    source: '`mm/kfence/report.c`, 6.1',
    example: 'BUG: KFENCE: use-after-free read in widget_reap+0x41/0x90 [widget]',
    healthy: 'kfence: initialized - using 2097152 bytes for 255 objects',
    opens: new RegExp(`^BUG: KFENCE: ([\\w: -]{1,60}?)${IN}\\s*$`),
    headline: (match) => `KFENCE: ${match[1] ?? ''}`,
    where: (match) => match[2],
    ends: SEPARATOR,
    taint: 'B',
  },
  {
    kind: 'ubsan',
    grade: 'error',
    blames: 'caller',
    source: '`lib/ubsan.c`, 6.1 and 6.8',
    example: 'UBSAN: shift-out-of-bounds in drivers/widget/reap.c:41:9',
    healthy: 'ubsan is not here',
    opens: /^UBSAN: ([\w -]{1,60}?) in (\S{1,200}:\d+(?::\d+)?)/,
    headline: (match) => `UBSAN: ${match[1] ?? ''} in ${match[2] ?? ''}`,
    // Since Linux 6.8 it is framed like a WARN.
    ends: /^={50,}$|^---\[ end trace /,
  },
  {
    kind: 'lockdep',
    grade: 'error',
    blames: 'caller',
    source: '`kernel/locking/lockdep.c`, `kernel/rcu/update.c`, 6.1',
    example: 'WARNING: possible recursive locking detected',
    healthy: 'Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar',
    opens: LOCKDEP,
    headline: (match) => `lockdep: ${match[1] ?? match[2] ?? ''}`,
    ends: END_BACKTRACE,
    patience: 200,
  },
];
