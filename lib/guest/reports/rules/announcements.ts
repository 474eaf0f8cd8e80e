import type { ReportRule } from '../rule.js';
import { END_TRACE } from './ends.js';

/** Lines that begin a report before its kind is said. */
export const ANNOUNCEMENTS: readonly ReportRule[] = [
  {
    kind: 'warning',
    grade: 'error',
    source: '`include/asm-generic/bug.h`, 6.1',
    example: '------------[ cut here ]------------',
    healthy: '-------- cut along this line --------',
    live: '`kernel_reports warning`',
    opens: /^-{4,}\[ cut here \]-{4,}/,
    headline: () => "'cut here' without the report that it announces",
    ends: END_TRACE,
    absorbs: ['warning', 'bug', 'refcount', 'list-corruption', 'oops', 'page-fault', 'ubsan', 'tdx'],
    patience: 16,
    announces: 'keep',
  },
  {
    kind: 'lockdep',
    grade: 'info',
    source: '`mm/kasan/report.c`, `kernel/locking/lockdep.c`, 6.1',
    example: '======================================================',
    healthy: '=========== widget driver 1.0 ===========',
    general: true,
    opens: /^={20,}$/,
    headline: () => 'separator',
    tail: /^$/,
    tailGap: 2,
    absorbs: ['kasan', 'kmsan', 'kcsan', 'kfence', 'ubsan', 'lockdep', 'heap-corruption'],
    announces: 'drop',
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    source: '`drivers/iommu/intel/dmar.c` (`dmar_fault`), 6.1',
    example: 'DMAR: DRHD: handling fault status reg 3',
    healthy: 'DMAR: DRHD base: 0x000000fed90000 flags: 0x0',
    live: '`specs/vfio/device`',
    opens: /^DMAR: DRHD: handling fault status reg ([0-9a-f]+)/,
    headline: (match) => `DMAR fault status 0x${match[1] ?? ''} without a fault record`,
    tail: /^DMAR: /,
    tailGap: 8,
    absorbs: ['dmar-fault'],
    announces: 'keep',
  },
];
