import type { ReportRule } from '../rule.js';

/** The tables behind a fault, where the kernel has CONFIG_DMAR_DEBUG (`dmar_fault_dump_ptes`). */
const DMAR_TABLES = /^DMAR: (?:Dump |root entry|context |scalable |pasid |pte level|page table |\w+ table)/;

/** Trouble that is no defect of the kernel's code: refused DMA, no memory, and modules that taint. */
export const OTHER_RULES: readonly ReportRule[] = [
  {
    kind: 'dmar-fault',
    grade: 'error',
    opens:
      /^DMAR: ?\[((?:DMA (?:Read|Write)|INTR-REMAP).{0,40}?)\] (?:Request device \[?([0-9a-f:.]{4,13})\]?)(.{0,160})/,
    headline: (match) => `DMAR fault: ${match[1] ?? ''} by device ${match[2] ?? ''}${match[3] ?? ''}`,
    ends: undefined,
    tail: DMAR_TABLES,
    tailGap: 2,
  },
  {
    kind: 'dmar-fault',
    grade: 'error',
    opens: /^(?:\S+ \S+: )?AMD-Vi: (Event logged \[.{1,200})/,
    headline: (match) => `IOMMU fault: ${match[1] ?? ''}`,
    ends: undefined,
  },
  {
    kind: 'oom',
    grade: 'warning',
    opens: /^(.{1,32}) invoked oom-killer: (.{0,80})/,
    headline: (match) => `OOM killer, invoked by ${match[1] ?? ''} (${match[2] ?? ''})`,
    ends: /^(?:Out of memory|Memory cgroup out of memory)/,
    tail: /^oom_reaper: /,
    tailGap: 2,
    patience: 400,
  },
  {
    kind: 'oom',
    grade: 'warning',
    opens: /^((?:Memory cgroup o|O)ut of memory: Killed process .{1,80})/,
    headline: (match) => match[1] ?? '',
    ends: undefined,
  },
  taint('O', 'loading out-of-tree module taints kernel'),
  taint('E', 'module verification failed: signature and/or required key missing - tainting kernel'),
  taint('P', "module license '[^']{1,64}' taints kernel"),
  taint('N', 'loading test module taints kernel'),
  taint('K', 'tainting kernel with TAINT_LIVEPATCH'),
];

function taint(letter: string, words: string): ReportRule {
  return {
    kind: 'taint',
    grade: 'warning',
    opens: new RegExp(`^(\\S{1,64}: ${words})`),
    headline: (match) => `taint ${letter}: ${match[1] ?? ''}`,
    ends: undefined,
    taint: letter,
  };
}
