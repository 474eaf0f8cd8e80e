import type { ReportRule } from '../rule.js';
import { END_TRACE, REGISTERS } from './ends.js';

/**
 * `general protection fault: 0000 [#1] PREEMPT SMP NOPTI` (`__die_header` in arch/x86/kernel/dumpstack.c); later kernels, those of
 * open-tdx among them, put `Oops: ` before it.
 */
const DIE = String.raw`: [0-9a-f]{4} \[#\d+\]`;

const oops = {
  grade: 'fatal',
  ends: END_TRACE,
  tail: REGISTERS,
  tailGap: 4,
  taint: 'D',
} as const;

/** Reports after which the kernel, or the task, does not go on. */
export const FATAL_RULES: readonly ReportRule[] = [
  {
    kind: 'panic',
    grade: 'fatal',
    opens: /^Kernel panic - not syncing: ?(.*)/,
    headline: (match) => `Kernel panic: ${match[1] ?? ''}`,
    ends: /^---\[ end Kernel panic/,
  },
  {
    ...oops,
    kind: 'page-fault',
    opens: /^BUG: kernel NULL pointer dereference, address: ([0-9a-f]+)/,
    headline: (match) => `NULL pointer dereference at 0x${shortened(match[1])}`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'page-fault',
    opens:
      /^(?:BUG: unable to handle (?:page fault|kernel[\w ]*?) (?:for|at)(?: virtual)?(?: address)?:?|Unable to handle kernel [\w ]+? at virtual address) ?([0-9a-f]*)/,
    headline: (match) => `page fault in kernel mode at 0x${shortened(match[1])}`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'page-fault',
    opens: /^(kernel tried to execute NX-protected page|unable to execute userspace code \(SMEP\?\))/,
    headline: (match) => match[1] ?? '',
    absorbs: ['oops', 'page-fault'],
  },
  {
    ...oops,
    kind: 'bad-page',
    opens: /^(.{1,32}): Corrupted page table at address ([0-9a-f]+)/,
    headline: (match) => `corrupted page table at 0x${match[2] ?? ''}, process ${match[1] ?? ''}`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'bug',
    opens: /^kernel BUG at (.{1,200}?)!/i,
    headline: (match) => `kernel BUG at ${match[1] ?? ''}`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'general-protection',
    opens: new RegExp(`^(?:Oops: )?general protection (?:fault|exception)(?:, (.{1,120}?))?${DIE}`),
    headline: (match) => `general protection fault${match[1] === undefined ? '' : `, ${match[1]}`}`,
  },
  {
    ...oops,
    kind: 'oops',
    opens: /^traps: PANIC: (double fault)/,
    headline: (match) => match[1] ?? '',
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'oops',
    opens: /^BUG: (.{1,32}) stack guard page was hit/,
    headline: (match) => `kernel stack overflow (${match[1] ?? ''} stack guard page hit)`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'oops',
    opens: new RegExp(`^(?:Oops: )?([A-Za-z][\\w ,#()'-]{1,100}?)${DIE}`),
    headline: (match) => match[1] ?? '',
  },
  {
    kind: 'bug',
    grade: 'error',
    opens: /^BUG: (.{1,300})/,
    headline: (match) => `BUG: ${match[1] ?? ''}`,
    ends: /^ *<\/TASK>|^---\[ end trace /,
    absorbs: ['oops'],
  },
];

/** An address without its leading zeros. */
function shortened(digits: string | undefined): string {
  return (digits ?? '').replace(/^0+(?=.)/, '');
}
