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

/** How the rules' lines begin: a cheap test before the dear ones. It lets through whatever a rule opens. */
const BEGINNINGS = [
  'Aiee|dropbear|sshd|-{4}|={4}|BUG|WARNING|INFO: |UBSAN|Oops|PANIC|[Kk]ernel |[Uu]nable to|general prot|traps: |CFI|Missing ENDBR|usercopy|sysrq|The foll|FAULT_INJ|\\[ (?:BUG|INFO)|rust_k|detected buf',
  'watchdog|NMI|CPU|rcu|smp: |csd: |refcount_t|list_|unregister_net',
  'Bad swap|Unused swap|unrecognized swap|Read-err|Write[- ]err|VFS: [CB]|Page cache i|psi: [ti]|PAGETABLE|x86/mm|Memory |Out of mem|PID |Huh|pagealloc|[Ss]lab |SLUB|dma_pool|check: |Corrupted|kmemleak|swiotlb',
  'DMAR|AMD-Vi|IOMMU|iommu|virtio_iommu|kvm|KVM|EPT|Invalid SPTE|SPTE|#VE|VMC|SVM|SEV|\\*{3} Guest|FAILED VM|set kvm|vm[a-z]+ |inv[ve]|vcpu|enabling virt|SEAM|seam|TD[A-Z]|td[hx]|virt/tdx|[Mm]odule |[Ff]ailed to|ccp ',
  'unchecked|MSR|mce|MCE|\\[Hard|\\{|EDAC|GHES|BERT|\\d+ [CU]E |Uncorr|Killing|PCI sys|IOCK|Machine|irq |No irq|[Uu]nexpected|Uhhuh|APIC|[Ss]puri|IRQ |genirq|exiting|softirq|huh,|smpboot: (?:AP|do_b|CPU )',
].join('|');
/** What they have behind somebody's name. */
const BEHIND = String.raw`bad p|(?:Bad|Unused) swap|reserved b|detect r|Double-f|AMD-Vi|[Pp]age [ra]|Invalid p|Address i|Execution|Unexpected|PRQ|AER|DPC|(?:PCIe|CXL) B|\d+\.\d+ No irq|[Ll]ost|.{1,80} polled|Timeout w|NETDEV|vmalloc|swiotlb|dma_pool|Corrupted p|[\da-f]{4} \[#|load|module|tainting`;
const PROMISING = new RegExp(
  `^\\s*(?:${BEGINNINGS})|:(?: (?:${BEHIND})|\\d+ (?:blocked|can't die) )|invoked oom-k`,
);

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
