import type { ReportRule } from '../rule.js';
import { END_BACKTRACE } from './ends.js';

/** A stall report goes on with the backtraces of further CPUs and of RCU's own thread. */
const FURTHER_BACKTRACES =
  /^(?:rcu: |NMI backtrace|Sending NMI|CPU: |Hardware name: |RIP: |Code: |RSP: |R[A-Z0-9]{2}: |FS: |CS: |CR2: |DR[036]|PKRU: |Call Trace:|task:|Workqueue: |Modules linked in:| *<\/?[A-Z]+>| +(?:\? )?[\w.$]+\+0x| *\()/;

/** Reports of CPUs and tasks that make no progress. */
export const LOCKUP_RULES: readonly ReportRule[] = [
  {
    kind: 'soft-lockup',
    grade: 'error',
    opens: /^(?:watchdog: )?BUG: soft lockup - (CPU#\d+ stuck for \d+s! \[.{0,64}\])/,
    headline: (match) => `soft lockup: ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    tail: /^(?:Sending NMI|NMI backtrace)/,
    taint: 'L',
  },
  {
    kind: 'hard-lockup',
    grade: 'fatal',
    opens: /^(?:(?:NMI )?watchdog: )?(?:CPU\d+: )?Watchdog detected hard LOCKUP on cpu (\d+)/,
    headline: (match) => `hard lockup on CPU ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
  },
  {
    kind: 'rcu-stall',
    grade: 'error',
    opens:
      /^(?:rcu: )?INFO: (\w+ (?:self-detected stall on CPU|detected (?:expedited )?stalls on CPUs\/tasks))/,
    headline: (match) => `RCU stall: ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    tail: FURTHER_BACKTRACES,
    tailGap: 6,
  },
  {
    kind: 'rcu-stall',
    grade: 'error',
    opens: /^rcu: (\w+ kthread (?:starved for|timer wakeup didn't happen for) \d+ jiffies)/,
    headline: (match) => `RCU stall: ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    tail: FURTHER_BACKTRACES,
    tailGap: 6,
  },
  {
    kind: 'hung-task',
    grade: 'error',
    blames: 'caller',
    opens: /^INFO: task (.{1,64}) blocked (?:in I\/O wait )?for more than (\d+) seconds/,
    headline: (match) => `hung task: ${match[1] ?? ''} blocked for more than ${match[2] ?? ''} s`,
    ends: END_BACKTRACE,
  },
];
