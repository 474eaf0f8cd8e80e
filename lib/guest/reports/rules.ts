import type { ReportRule } from './rule.js';
import { ANNOUNCEMENTS } from './rules/announcements.js';
import { FATAL_RULES } from './rules/fatal.js';
import { HARDWARE_RULES } from './rules/hardware.js';
import { IOMMU_RULES } from './rules/iommu.js';
import { LOCKUP_RULES } from './rules/lockups.js';
import { MEMORY_RULES } from './rules/memory.js';
import { OTHER_RULES } from './rules/others.js';
import { SANITIZER_RULES } from './rules/sanitizers.js';
import { REQUESTED_TRACES, UNCLAIMED_TRACES } from './rules/traces.js';
import { VIRTUALIZATION_RULES } from './rules/virtualization.js';
import { WARNING_RULES } from './rules/warnings.js';

/** The first that matches a line counts, so the exact ones come before the general. */
const CLAIMING: readonly ReportRule[] = [
  ...ANNOUNCEMENTS,
  ...REQUESTED_TRACES,
  ...SANITIZER_RULES,
  ...LOCKUP_RULES,
  ...WARNING_RULES,
  ...MEMORY_RULES,
  ...IOMMU_RULES,
  ...VIRTUALIZATION_RULES,
  ...HARDWARE_RULES,
  ...OTHER_RULES,
  ...FATAL_RULES,
];

/** All rules, as the table in docs/kernel-reports.md has them. */
export const RULES: readonly ReportRule[] = [...CLAIMING, ...UNCLAIMED_TRACES];

/** What all the rules' lines have in common with few others: a cheap test before the dear ones. */
const PROMISING =
  /BUG|WARNING|INFO: |DMAR: |panic|PANIC|\[#|cut here|^ *=====|LOCKUP|UBSAN|list_|refcount_t|taint|oom-killer|Corrupted page table|nable to |AMD-Vi|exploit attempt|SMEP|Out of memory|Oops|: bad p|swap (?:file |offset )?entry|swap-device|swiotlb|PAGETABLE|slabs counted|Double-freed|low memory at|CFI failure|Kernel memory|Missing ENDBR|age request|not canonical|Execution request|invalidation type|inadequate|VM_FAULT_OOM|vmread|vmwrite|vmptrld|vmclear|enabling virt|GetQuote|encryption mask|not loaded|CSD lock|BERT: |SIGBUS|Machine Check|unrecoverable|purious|IRQ_WAKE|softirq|active IRQ|NETDEV|W\+X|reserved bits|EDAC|hardware memory|EPT: |SPTE|#VE|pagealloc: |[Ss]lab |dma_pool|iommu|VMC[SB]|\*\*\* Guest|dump_invalid|failed|failure|unexpected|Unexpected|initializ|Guest access|accounting|exhausted|RMP|PFN range|MSR access|\[Hardware Error\]|MCE|memory error|Memory error|poison|int18|SERR|IOCK|AER: |PCIe Bus|DPC: |nobody cared|bogus|No irq|IRQ trap|NMI received|APIC |memory leak|unregister_netdevice|nterrupt|polled|starved|wakeup didn|vmalloc error|sysrq: |self test|FAULT_INJ/;

/** A rule and the line that opened it. */
export interface Opening {
  readonly rule: ReportRule;
  readonly match: RegExpExecArray;
}

/** The rule that this line opens. */
export function ruleFor(line: string): Opening | undefined {
  return PROMISING.test(line) ? firstOf(CLAIMING, line.trimStart()) : undefined;
}

/** Whether a backtrace may begin with the line. */
export function isTraceBegin(line: string): boolean {
  return /^ *(?:Call |CPU: |NMI |Sending )/.test(line);
}

/** The rule that this line, which no report claims, opens. */
export function unclaimedRuleFor(line: string): Opening | undefined {
  return isTraceBegin(line) ? firstOf(UNCLAIMED_TRACES, line.trimStart()) : undefined;
}

function firstOf(rules: readonly ReportRule[], line: string): Opening | undefined {
  for (const rule of rules) {
    const match = rule.opens.exec(line);
    if (match !== null) return { rule, match };
  }
  return undefined;
}
