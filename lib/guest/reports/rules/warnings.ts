import type { ReportRule } from '../rule.js';
import { END_BACKTRACE, END_TRACE, REGISTERS } from './ends.js';

/**
 * `WARNING: CPU: 0 PID: 1 at file:line function` (`__warn` in kernel/panic.c, 6.1); since 6.17
 * `WARNING: file:line at function, CPU#0: comm/pid`, the condition in brackets before the file where it is known.
 */
const WARN =
  /^WARNING: (?:CPU: \d+ PID: \d+ at (?:(?<line>\S{1,200}:\d+) )?(?<where>.{0,200})|(?:\[(?<condition>.{1,200})\] )?(?:(?<newLine>\S{1,200}:\d+) )?at (?<newWhere>\S{1,200}(?: \[[\w-]{1,64}\])?), CPU#\d+: )/;

/** Checks that found something wrong and let the kernel go on. */
export const WARNING_RULES: readonly ReportRule[] = [
  {
    kind: 'lockdep',
    grade: 'error',
    source: '`kernel/locking/lockdep.c` (`DEBUG_LOCKS_WARN_ON`), 6.1 and 7.3',
    example: 'WARNING: CPU: 1 PID: 77 at kernel/locking/lockdep.c:41 hlock_class+0x41/0x90',
    healthy: 'WARNING: lockdep.c was compiled without optimisation',
    blames: 'caller',
    opens: /^WARNING: (?:CPU: \d+ PID: \d+ at |\[.{1,200}\] )?(kernel\/locking\/lockdep\.c:\d+)/,
    headline: (match) => `lockdep: WARNING at ${match[1] ?? ''}`,
    ends: END_TRACE,
    taint: 'W',
  },
  {
    kind: 'warning',
    grade: 'error',
    source: '`kernel/panic.c` (`__warn`), 6.1 and 7.3',
    example:
      'WARNING: [level > 3] drivers/widget/reap.c:41 at widget_reap+0x41/0x90 [widget], CPU#1: walker/77',
    healthy: 'WARNING: polling idle and HT enabled, performance may degrade',
    live: '`kernel_reports warning`',
    opens: WARN,
    headline: ({ groups = {} }) => {
      const line = groups.line ?? groups.newLine;
      const condition = groups.condition === undefined ? '' : ` (${groups.condition})`;
      return `WARNING${line === undefined ? '' : ` at ${line}`}${condition}`;
    },
    where: ({ groups }) => groups?.where ?? groups?.newWhere,
    ends: END_TRACE,
    absorbs: ['refcount', 'list-corruption'],
    taint: 'W',
  },
  {
    kind: 'refcount',
    grade: 'error',
    blames: 'caller',
    source: '`lib/refcount.c`, 6.1 and 7.3',
    example: 'refcount_t: underflow; use-after-free.',
    healthy: 'widget: refcount_t is fine',
    live: '`kernel_reports refcount`',
    opens: /^refcount_t: (.{1,100})/,
    headline: (match) => `refcount ${match[1] ?? ''}`,
    ends: END_TRACE,
    absorbs: ['warning'],
    taint: 'W',
  },
  {
    // The check prints it before BUG() or WARN(), whichever CONFIG_BUG_ON_DATA_CORRUPTION makes of it.
    kind: 'list-corruption',
    grade: 'error',
    blames: 'caller',
    source: '`lib/list_debug.c`, 6.1',
    example: 'list_add corruption. next->prev should be prev (ffff888003401000), but was 0000000000000000.',
    healthy: 'list_lru: 12 entries',
    live: '`kernel_reports list`',
    opens: /^(list_(?:add|del) (?:corruption|double add).{0,200}|kernel BUG at lib\/list_debug\.c:\d+)/,
    ends: END_TRACE,
    tail: REGISTERS,
    tailGap: 4,
    absorbs: ['warning', 'list-corruption', 'oops'],
  },
  {
    kind: 'atomic-schedule',
    grade: 'error',
    blames: 'caller',
    source: '`kernel/sched/core.c`, 6.1',
    example: 'BUG: scheduling while atomic: walker/77/0x00000002',
    healthy: 'sched_clock: Marking stable (1200, 34)->(1500, -266)',
    live: '`kernel_reports atomic`',
    opens: /^BUG: scheduling (?:while atomic|in a non-blocking section): (.{0,80})/,
    headline: (match) => `scheduling while atomic: ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    taint: 'W',
  },
  {
    kind: 'atomic-sleep',
    grade: 'error',
    blames: 'caller',
    source: '`kernel/sched/core.c` (`__might_resched`), 6.1',
    example: 'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580',
    healthy: 'random: crng init done',
    opens: /^BUG: sleeping function called from invalid context at (.{1,200})/,
    headline: (match) => `sleeping function called from invalid context at ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    taint: 'W',
  },
  {
    kind: 'warning',
    grade: 'error',
    source: '`arch/x86/kernel/unwind_frame.c`, `unwind_orc.c`, `dumpstack.c`, 6.1',
    example:
      "WARNING: kernel stack regs at 00000000c0ffee01 in walker:77 has bad 'bp' value 00000000dead0000",
    healthy: 'WARNING: CPU frequency governor is missing',
    opens:
      /^(WARNING: (?:kernel stack (?:regs|frame pointer) at|can't (?:access registers|dereference|find)|stack recursion on|stack going in the wrong).{0,160})/,
  },
  {
    kind: 'refcount',
    grade: 'error',
    source: '`net/core/dev.c` (`netdev_wait_allrefs_any`), 6.1',
    example: 'unregister_netdevice: waiting for veth0 to become free. Usage count = 2',
    healthy: 'veth0 (unregistering): left promiscuous mode',
    opens: /^(unregister_netdevice: waiting for \S{1,32} to become free\. .{0,60})/,
  },
];
