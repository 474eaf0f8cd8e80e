import type { ReportRule } from '../rule.js';
import { END_BACKTRACE, END_TRACE, REGISTERS } from './ends.js';

/** `WARNING: CPU: 0 PID: 1 at file:line function` (`__warn` in kernel/panic.c). */
const WARN = /^WARNING: CPU: \d+ PID: \d+ at (?:(?<line>\S{1,200}:\d+) )?(?<where>.{0,200})/;

/** Checks that found something wrong and let the kernel go on. */
export const WARNING_RULES: readonly ReportRule[] = [
  {
    kind: 'warning',
    grade: 'error',
    opens: WARN,
    headline: (match) => (match.groups?.line === undefined ? 'WARNING' : `WARNING at ${match.groups.line}`),
    where: (match) => match.groups?.where,
    ends: END_TRACE,
    absorbs: ['refcount', 'list-corruption'],
    taint: 'W',
  },
  {
    kind: 'refcount',
    grade: 'error',
    blames: 'caller',
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
    opens: /^(list_(?:add|del) (?:corruption|double add).{0,200})/,
    headline: (match) => match[1] ?? '',
    ends: END_TRACE,
    tail: REGISTERS,
    tailGap: 4,
    absorbs: ['warning', 'bug', 'oops'],
  },
  {
    kind: 'atomic-schedule',
    grade: 'error',
    blames: 'caller',
    opens: /^BUG: scheduling (?:while atomic|in a non-blocking section): (.{1,80})/,
    headline: (match) => `scheduling while atomic: ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    taint: 'W',
  },
  {
    kind: 'atomic-sleep',
    grade: 'error',
    blames: 'caller',
    opens: /^BUG: sleeping function called from invalid context at (.{1,200})/,
    headline: (match) => `sleeping function called from invalid context at ${match[1] ?? ''}`,
    ends: END_BACKTRACE,
    taint: 'W',
  },
  {
    kind: 'bad-page',
    grade: 'error',
    blames: 'caller',
    opens: /^BUG: Bad page (state|map) in process (.{1,120})/,
    headline: (match) => `bad page ${match[1] ?? ''} in process ${match[2] ?? ''}`,
    ends: END_BACKTRACE,
    taint: 'B',
  },
  {
    kind: 'bad-page',
    grade: 'error',
    opens: /^BUG: ((?:Bad rss-counter state|non-zero pgtables_bytes on freeing mm).{0,120})/,
    headline: (match) => match[1] ?? '',
    ends: undefined,
  },
];
