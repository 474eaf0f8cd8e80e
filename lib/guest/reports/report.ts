/** What kind of trouble a kernel reports. */
export const reportKinds = [
  // A CPU exception in kernel mode that is none of the more exact kinds (divide error, double fault, invalid opcode).
  'oops',
  'page-fault',
  'general-protection',
  // `BUG()`, and `BUG:` lines that are none of the more exact kinds.
  'bug',
  // `WARN()`.
  'warning',
  'refcount',
  'list-corruption',
  'soft-lockup',
  'hard-lockup',
  'rcu-stall',
  'hung-task',
  'kasan',
  'kmsan',
  'kcsan',
  'kfence',
  'ubsan',
  'lockdep',
  'atomic-schedule',
  'atomic-sleep',
  // A page, or a page-table entry, in a state that must not be.
  'bad-page',
  // The allocator found an object of its own overwritten, or freed twice.
  'heap-corruption',
  'memory-leak',
  // The IOMMU refused a device's access, or did not do what the kernel asked of it.
  'dmar-fault',
  // The kernel touched a model-specific register that is not there, or refuses the value.
  'msr',
  // The TDX module refused a call, or could not be initialised.
  'tdx',
  // The reverse map table of SEV-SNP refused an update, or faulted; a guest of SEV could not answer a #VC.
  'rmp',
  // The CPU refused to enter a guest, or to execute an instruction of VMX.
  'vm-entry',
  'machine-check',
  'memory-failure',
  'pcie-error',
  // An interrupt was lost, or came that nobody wanted.
  'interrupt',
  // A call trace that belongs to no report.
  'trace',
  'panic',
  // The guest's ssh server, which is healthy, died of an access to its own memory that was refused.
  'segfault',
  'oom',
  'taint',
] as const;

export type ReportKind = (typeof reportKinds)[number];

/**
 * How bad: `fatal`: the kernel, or the task that was in it, is gone. `error`: a defect was found, the kernel goes on. `warning`:
 * something a test should not cause, though the kernel works as designed. `info`: to be shown only.
 */
export type Grade = (typeof grades)[number];
export const grades = ['info', 'warning', 'error', 'fatal'] as const;

/** Whether `grade` is as bad as `least`, or worse. */
export function isAtLeast(grade: Grade, least: Grade): boolean {
  return grades.indexOf(grade) >= grades.indexOf(least);
}

/** One report of the kernel's, from its first line to its last. */
export interface KernelReport {
  readonly kind: ReportKind;
  readonly grade: Grade;
  /** One line: what happened, and where. Safe to show. */
  readonly title: string;
  /** The function, as `name+0x12/0x34 [module]`, where the report names one. */
  readonly where: string | undefined;
  /** Number of its first entry among those that the detector was given, from 0; -1 when it is not from the log. */
  readonly index: number;
  /** Seconds since boot, of the first line. */
  readonly time: number | undefined;
  /** The report as it was printed, control characters made visible; lines that other CPUs printed in between included. */
  readonly text: string;
  /** False when its end was not seen: the guest died, the log ended, or its lines were lost. */
  readonly complete: boolean;
  /** True when it was longer than the cap and lines in the middle or at the end are missing from `text`. */
  readonly truncated: boolean;
  /** Taint flags that this event sets, as letters: a taint that appears along with it is no news. */
  readonly taints: readonly string[];
}
