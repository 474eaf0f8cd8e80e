import type { ReportRule } from '../rule.js';
import { END_TRACE } from './ends.js';

/** Lines that begin a report before its kind is said. */
export const ANNOUNCEMENTS: readonly ReportRule[] = [
  {
    kind: 'warning',
    grade: 'error',
    opens: /^-{4,}\[ cut here \]-{4,}/,
    headline: () => "'cut here' without the report that it announces",
    ends: END_TRACE,
    absorbs: ['warning', 'bug', 'refcount', 'list-corruption', 'oops', 'page-fault', 'ubsan'],
    patience: 16,
    announces: 'keep',
  },
  {
    kind: 'lockdep',
    grade: 'info',
    opens: /^={20,}$/,
    headline: () => 'separator',
    ends: undefined,
    tail: /^$/,
    tailGap: 2,
    absorbs: ['kasan', 'kfence', 'ubsan', 'lockdep'],
    announces: 'drop',
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    opens: /^DMAR: DRHD: handling fault status reg ([0-9a-f]+)/,
    headline: (match) => `DMAR fault status 0x${match[1] ?? ''} without a fault record`,
    ends: undefined,
    tail: /^DMAR: /,
    tailGap: 8,
    absorbs: ['dmar-fault'],
    announces: 'keep',
  },
];
