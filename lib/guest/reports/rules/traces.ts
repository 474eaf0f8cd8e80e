import type { ReportRule } from '../rule.js';
import { END_BACKTRACE } from './ends.js';

/** A backtrace and the registers before it, line by line. */
export const BACKTRACE =
  /^(?:rcu: |NMI backtrace|Sending NMI|CPU: |Hardware name: |RIP: |Code: |RSP: |R[A-Z0-9]{2}: |FS: |CS: |CR2: |DR[036]|PKRU: |Call [Tt]race:|task:|Workqueue: |Modules linked in:| *<\/?[A-Z]+>| +(?:\? )?[\w.$]+\+0x| *\()/;

/** A backtrace that was asked for, or whose meaning another report tells: it is no report. */
const asked = { kind: 'trace', grade: 'info', tail: BACKTRACE, announces: 'drop' } as const;
const source = '`kernel/backtracetest.c`, `drivers/tty/sysrq.c`, `lib/fault-inject.c`, 6.1';

export const REQUESTED_TRACES: readonly ReportRule[] = [
  {
    ...asked,
    source,
    example: 'sysrq: Show backtrace of all active CPUs',
    healthy: 'sysrq: Show Regs\nCall Trace:\n <TASK>\n idle_loop+0x1/0x2\n </TASK>',
    opens:
      /^(?:sysrq: (?:SysRq : )?Show |The following trace is a kernel self test and not a bug!|FAULT_INJECTION: forcing a failure)/,
    tailGap: 8,
  },
];

/** What is left when no report claims a line: the backtrace itself. 76 of 76 such traces in public boot logs were real trouble. */
export const UNCLAIMED_TRACES: readonly ReportRule[] = [
  {
    ...asked,
    source: '`lib/nmi_backtrace.c`, 6.1',
    example: 'NMI backtrace for cpu 1 skipped: idling at mwait_idle+0x1/0x2',
    healthy: 'NMI backtrace for cpu 1\nCPU: 1 PID: 0 Comm: swapper/1\nCall Trace:\n <TASK>\n </TASK>',
    opens: /^(?:NMI backtrace for cpu |Sending NMI from CPU )/,
    tailGap: 4,
  },
  {
    // dump_stack() prints who calls before it prints the trace; so does a process that dies, which is none of the kernel's trouble.
    ...asked,
    source: '`lib/dump_stack.c`, 6.1',
    example: 'CPU: 1 PID: 77 Comm: walker Not tainted 6.1.0 #1',
    healthy: 'CPU: 1 PID: 77 Comm: walker Not tainted 6.1.0 #1\nRIP: 0033:0x7f0000001234',
    opens: /^CPU: \d+ (?:UID: \d+ )?PID: \d+ Comm: /,
    tail: /^(?:Hardware name: |Workqueue: |Sched_ext: |Tainted: |RIP: 0010|Code: |RSP: 0018|R[A-Z0-9]{2}: |[FC]S: |CR2: |DR[036]|PKRU: )/,
    tailGap: 2,
    absorbs: ['trace'],
  },
  {
    kind: 'trace',
    grade: 'error',
    source: '`arch/x86/kernel/dumpstack.c` (`show_trace_log_lvl`), 6.1',
    example: 'widget: descriptor 7 vanished\nCall Trace:\n <TASK>\n widget_reap+0x41/0x90 [widget]\n </TASK>',
    healthy: 'Call trace buffers: 64',
    live: '`kernel_reports trace`',
    blames: 'caller',
    opens: /^Call [Tt]race:\s*$/,
    headline: () => 'call trace without a report',
    ends: END_BACKTRACE,
    patience: 4,
  },
];
