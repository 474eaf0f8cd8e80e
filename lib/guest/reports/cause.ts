import { isAtLeast } from './report.js';
import type { KernelReport } from './report.js';

/** Something that was found when a test failed. `message` is its first line. */
export type Finding =
  | { readonly kind: 'kernel-report'; readonly report: KernelReport }
  /** QEMU, or another process of the stack, ended. */
  | { readonly kind: 'process-exit'; readonly message: string }
  /** What the spec asserted is false. */
  | { readonly kind: 'assertion'; readonly message: string }
  | { readonly kind: 'connection-lost'; readonly message: string }
  | { readonly kind: 'timeout'; readonly message: string };

/** The finding that explains the failure, and the others in their order. */
export interface Cause {
  readonly cause: Finding;
  readonly others: readonly Finding[];
  /** One line for the report's head. */
  readonly message: string;
}

/**
 * Chooses which finding to name as the cause. What can bring the others about goes first: a dead kernel explains everything, a dead
 * QEMU explains lost connections, an error of the kernel explains a false assertion, and a lost connection or a time-out explain
 * nothing. Among equals the first in the list counts, so list them in the order in which they happened.
 *
 * @returns `undefined` for an empty list
 */
export function chooseCause(findings: readonly Finding[]): Cause | undefined {
  const [cause] = [...findings].sort((a, b) => rank(a) - rank(b));
  if (cause === undefined) return undefined;
  return { cause, others: findings.filter((finding) => finding !== cause), message: describe(cause) };
}

/** 0 explains most. */
function rank(finding: Finding): number {
  if (finding.kind === 'kernel-report') {
    if (finding.report.grade === 'fatal') return 0;
    if (isAtLeast(finding.report.grade, 'error')) return 2;
    return finding.report.grade === 'warning' ? 4 : 7;
  }
  return { 'process-exit': 1, assertion: 3, 'connection-lost': 5, timeout: 6 }[finding.kind];
}

function describe(finding: Finding): string {
  return finding.kind === 'kernel-report' ? `Guest kernel: ${finding.report.title}` : finding.message;
}
