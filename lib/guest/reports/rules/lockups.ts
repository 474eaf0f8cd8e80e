import type { ReportRule } from '../rule.js';
import { END_BACKTRACE } from './ends.js';
import { BACKTRACE } from './traces.js';

/** Reports of CPUs and tasks that make no progress. */
export const LOCKUP_RULES: readonly ReportRule[] = [
  {
    kind: 'soft-lockup',
    grade: 'error',
    source: '`kernel/watchdog.c`, 6.1',
    example: 'watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [walker:77]',
    healthy: 'watchdog: Delayed init of the lockup detector failed: 0',
    live: '`kernel_reports softlockup`',
    opens: /^(?:watchdog: )?BUG: soft lockup - (CPU#\d+ stuck for \d+s! \[.{0,64})/,
    headline: (match) => `soft lockup: ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    tail: /^(?:Sending NMI|NMI backtrace)/,
    taint: 'L',
  },
  {
    kind: 'hard-lockup',
    grade: 'fatal',
    source: '`kernel/watchdog_hld.c`, 6.1',
    example: 'NMI watchdog: Watchdog detected hard LOCKUP on cpu 1',
    healthy: 'NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.',
    opens: /^(?:(?:NMI )?watchdog: )?(?:CPU\d+: )?Watchdog detected hard LOCKUP on cpu (\d+)/,
    headline: (match) => `hard lockup on CPU ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
  },
  {
    kind: 'rcu-stall',
    grade: 'error',
    source: '`kernel/rcu/tree_stall.h`, `tree_exp.h`, `tasks.h`, 6.1',
    example: 'INFO: rcu_tasks detected stalls on tasks:',
    healthy: 'rcu: Preemptible hierarchical RCU implementation.',
    live: '`kernel_reports rcustall`',
    opens:
      /^(?:rcu: )?INFO: (\w+ (?:self-detected stall on CPU|detected (?:expedited )?stalls?(?: on (?:CPUs\/)?tasks|\?|, but suppressed .{1,60})))/,
    headline: (match) => `RCU stall: ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    tail: BACKTRACE,
    tailGap: 6,
  },
  {
    kind: 'rcu-stall',
    grade: 'error',
    source: '`kernel/rcu/tree_stall.h`, 6.1',
    example:
      'rcu: rcu_preempt kthread starved for 5252 jiffies! g3361 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=1',
    healthy: 'rcu: 	Trampoline variant of Tasks RCU enabled.',
    opens: /^rcu: (\w+ kthread (?:starved for|timer wakeup didn't happen for) \d+ jiffies)/,
    headline: (match) => `RCU stall: ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    tail: BACKTRACE,
    tailGap: 6,
  },
  {
    kind: 'soft-lockup',
    grade: 'error',
    source: '`kernel/smp.c` (`csd_lock_wait_toolong`), 6.1',
    example:
      'smp: csd: Detected non-responsive CSD lock (#1) on CPU#0, waiting 5000000032 ns for CPU#01 widget_reap+0x0/0x90(0x0).',
    healthy: 'smp: Brought up 1 node, 2 CPUs',
    opens: /^(?:smp: )?csd: \w+ (non-responsive CSD lock \(#-?\d+\) on CPU#\d+, waiting .{1,160})/,
    tail: new RegExp(`^(?:smp: )?\\s?csd: |${BACKTRACE.source}`),
    tailGap: 4,
    absorbs: ['soft-lockup'],
  },
  {
    kind: 'hung-task',
    grade: 'error',
    blames: 'caller',
    source: '`kernel/hung_task.c`, 6.1 and 7.3',
    example: 'INFO: task walker:77 blocked for more than 120 seconds.',
    healthy: 'walker:77 blocked on nothing at all',
    live: '`kernel_reports hungtask`',
    // A task's name may hold a line break.
    opens: /^(?:INFO: task )?(.{0,64}:\d+) (blocked|can't die)(?: in I\/O wait)? for more than (\d+) seconds/,
    headline: (match) => `hung task: ${match[1] ?? ''} ${match[2] ?? ''} for more than ${match[3] ?? ''} s`,
    adds: /^INFO: task .{1,64} (blocked on an? .{1,160})/,
    ends: END_BACKTRACE,
    // Since 6.15 the task that holds the lock follows, with its backtrace.
    tail: new RegExp(`^INFO: task .{1,64} blocked on |${BACKTRACE.source}`),
    tailGap: 2,
  },
];
