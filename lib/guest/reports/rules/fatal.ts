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

const bug = {
  kind: 'bug',
  grade: 'error',
  headline: (match: RegExpExecArray): string => `BUG: ${match[1] ?? ''}`,
  ends: /^ *<\/TASK>|^---\[ end trace /,
  absorbs: ['oops'],
} as const;

/** Reports after which the kernel, or the task, does not go on. */
export const FATAL_RULES: readonly ReportRule[] = [
  {
    kind: 'panic',
    grade: 'fatal',
    source: '`kernel/panic.c`, 6.1',
    example: 'Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b',
    healthy: 'Kernel command line: panic=-1',
    live: '`kernel_reports panic`; `sysrq c`',
    opens: /^Kernel panic - not syncing: ?(.*)/,
    headline: (match) => `Kernel panic: ${match[1] ?? ''}`,
    ends: /^---\[ end Kernel panic/,
  },
  {
    ...oops,
    kind: 'page-fault',
    source: '`arch/x86/mm/fault.c` (`show_fault_oops`), 6.1',
    example: 'BUG: kernel NULL pointer dereference, address: 0000000000000040',
    healthy: 'walker[77]: segfault at 40 ip 0000000000401136 sp 00007ffc0000 error 4 in walker[401000+1000]',
    live: '`kernel_reports oops`',
    opens: /^BUG: kernel NULL pointer dereference, address: ([0-9a-f]+)/,
    headline: (match) => `NULL pointer dereference at 0x${shortened(match[1])}`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'page-fault',
    source: '`arch/x86/mm/fault.c` (`show_fault_oops`), 6.1',
    example: 'BUG: unable to handle page fault for address: ffffc90000dead00',
    healthy: 'walker[77]: segfault at 7f1200000000 ip 0000000000401136 sp 00007ffc0000 error 7',
    live: '`kernel_reports badaddress`',
    opens:
      /^(?:BUG: unable to handle (?:page fault|kernel[\w ]*?) (?:for|at)(?: virtual)?(?: address)?:?|Unable to handle kernel [\w ]+? at virtual address) ?([0-9a-f]*)/,
    headline: (match) => `page fault in kernel mode at 0x${shortened(match[1])}`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'page-fault',
    source: '`arch/x86/mm/fault.c`, 6.1',
    example: 'kernel tried to execute NX-protected page - exploit attempt? (uid: 1000)',
    healthy: 'NX (Execute Disable) protection: active',
    live: '`kernel_reports execute`',
    opens: /^(kernel tried to execute NX-protected page|unable to execute userspace code \(SMEP\?\))/,
    adds: /^BUG: unable to handle (page fault for address: [0-9a-f]+)/,
    absorbs: ['oops', 'page-fault'],
  },
  {
    ...oops,
    kind: 'bad-page',
    source: '`arch/x86/mm/fault.c` (`pgtable_bad`), 6.1',
    example: 'walker: Corrupted page table at address 7f1200000000',
    healthy: 'x86/PAT: Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT',
    live: '`specs/vfio/protections/reserved-bit`',
    opens: /^(.{1,32}): Corrupted page table at address ([0-9a-f]+)/,
    headline: (match) => `corrupted page table at 0x${match[2] ?? ''}, process ${match[1] ?? ''}`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'bug',
    source: '`lib/bug.c`, 6.1 and 7.3',
    example: 'kernel BUG at mm/rmap.c:1402!',
    healthy: 'printk: kernel buffer was set up',
    live: '`kernel_reports bug`',
    opens: /^kernel BUG at (.{1,300}?)(?:!\s*$| \[verbose debug)/i,
    headline: (match) => `kernel BUG at ${match[1] ?? ''}`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'general-protection',
    source: '`arch/x86/kernel/traps.c`, 6.1 and 7.3',
    example:
      'general protection fault, probably for non-canonical address 0xdead000000000122: 0000 [#1] PREEMPT SMP NOPTI',
    healthy:
      'traps: walker[77] general protection fault ip:401136 sp:7ffc0000 error:0 in walker[401000+1000]',
    live: '`kernel_reports gpf`',
    opens: new RegExp(
      `^(?:Oops: )?(segment-related )?general protection (?:fault|exception)(?:,? (.{1,120}?))?${DIE}`,
    ),
    headline: ([, segment = '', more]) =>
      `${segment}general protection fault${more === undefined ? '' : `, ${more}`}`,
  },
  {
    ...oops,
    kind: 'oops',
    source: '`arch/x86/kernel/traps.c`, 6.1; `mm/extable.c` (`early_fixup_exception`)',
    example: 'PANIC: early exception 0x0d IP 10:ffffffff8260ab3c error 0 cr2 0xffff888003401000',
    healthy: 'rcu: Early boot is over',
    opens: /^(?:traps: )?PANIC: (double fault|early exception \S{1,10}.{0,80})/,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'oops',
    source: '`arch/x86/kernel/traps.c` (`handle_stack_overflow`), 6.1',
    example:
      'BUG: TASK stack guard page was hit at ffffc90000a47ff8 (stack is ffffc90000a48000..ffffc90000a4c000)',
    healthy: 'walker (77) used greatest stack depth: 12616 bytes left',
    live: '`kernel_reports stack`',
    opens: /^BUG: (?:(.{1,32}) )?stack guard page was hit/,
    headline: (match) =>
      `kernel stack overflow (${match[1] === undefined ? '' : `${match[1]} `}stack guard page hit)`,
    absorbs: ['oops'],
  },
  {
    ...oops,
    kind: 'oops',
    source: '`arch/x86/kernel/dumpstack.c` (`__die_header`), 6.1 and 7.3',
    example: 'Oops: invalid opcode: 0000 [#1] SMP NOPTI',
    healthy: 'traps: walker[77] trap invalid opcode ip:401136 sp:7ffc0000 error:0',
    live: '`kernel_reports divide`',
    opens: new RegExp(`^(?:Oops: )?([A-Za-z][\\w ,#()'-]{1,100}?)${DIE}`),
  },
  {
    // The trap behind it is a BUG, or a WARN.
    kind: 'bug',
    grade: 'error',
    source: '`kernel/cfi.c`, `arch/x86/kernel/traps.c`, `mm/usercopy.c`, `lib/string_helpers.c`, 6.1',
    example: 'CFI failure at widget_reap+0x41/0x90 (target: widget_sow+0x0/0x20; expected type: 0x0badc0de)',
    healthy: 'SMP alternatives: CFI: Using sub FineIBT implementation',
    live: '`kernel_reports usercopy`',
    opens:
      /^(?:traps: |CFI: )?((?:CFI failure at|Missing ENDBR:|(?:usercopy: )?Kernel memory \w+ attempt detected|detected buffer overflow in) .{1,160})/,
    ends: END_TRACE,
    absorbs: ['oops', 'bug', 'warning'],
  },
  {
    // Behind it stands a BUG().
    ...bug,
    blames: 'caller',
    source: '`rust/kernel/lib.rs` (`panic`), 6.1',
    example: 'rust_kernel: panicked at drivers/widget/reap.rs:41:9:\nattempt to multiply with overflow',
    healthy: 'rust_kernel: loaded',
    opens: /^rust_kernel: (panicked at .{1,200}?):?$/,
    headline: (match) => `Rust ${match[1] ?? ''}`,
    adds: /^(?!-----|\S+: )(\S.{0,160})$/,
    ends: END_TRACE,
    tail: REGISTERS,
    tailGap: 4,
    absorbs: ['oops', 'bug', 'warning'],
  },
  {
    ...bug,
    source:
      '`fs/open.c` (`filp_close`), `fs/super.c` (`generic_shutdown_super`), `mm/filemap.c`, `kernel/sched/psi.c`, 6.1',
    example: 'VFS: Busy inodes after unmount of vda1. Self-destruct in 5 seconds.  Have a nice day...',
    healthy: 'VFS: Disk quotas dquot_6.6.0',
    opens:
      /^((?:VFS: (?:Close: file count is (?:0|zero)|Busy inodes after unmount)|Page cache invalidation failure on direct I\/O\.|psi: (?:task underflow|inconsistent task state)!).{0,160})/,
    headline: (match) => match[1] ?? '',
  },
  {
    ...bug,
    source: '`kernel/workqueue.c`, `lib/smp_processor_id.c`, `kernel/locking/spinlock_debug.c`, 6.1',
    example: 'BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 34s!',
    healthy: 'workqueue: round-robin CPU selection forced, expect performance impact',
    opens:
      /^BUG: ((?:workqueue lockup - pool|using \S{1,64} in preemptible|(?:spinlock|rwlock|rt_mutex) .{1,60} on CPU#|MAX_LOCK|key \S{1,20} has not been registered).{1,300})/,
  },
  {
    ...bug,
    source: '`BUG: ` in many places, 6.1',
    example: 'BUG: widget tables are not what they were',
    healthy: '[Firmware Bug]: TSC_DEADLINE disabled due to Errata',
    general: true,
    opens: /^BUG: (.{1,300})/,
  },
];

/** An address without its leading zeros. */
function shortened(digits: string | undefined): string {
  return (digits ?? '').replace(/^0+(?=.)/, '');
}
