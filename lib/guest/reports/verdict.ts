import { describeLoss, hasLoss } from '../kernel-log/entry.js';
import type { LossTotal } from '../kernel-log/entry.js';
import { listOf, oneOf, optional, type Rule, shape } from '../../validate/index.js';
import { describeReportPattern, matchesPattern, reportPattern } from './pattern.js';
import type { ReportPattern } from './pattern.js';
import { grades, isAtLeast } from './report.js';
import type { Grade, KernelReport } from './report.js';

/** What a spec may say of the reports of its guests' kernels. */
export interface ReportOptions {
  /** Must appear; missing ones fail. */
  readonly expect?: readonly ReportPattern[];
  /** May appear. */
  readonly allow?: readonly ReportPattern[];
  /** The mildest grade that fails a test unasked; default `warning`. */
  readonly failAt?: Grade;
}

/** What such options must be. */
export const reportOptions: Rule<ReportOptions> = shape<ReportOptions>({
  expect: optional(listOf(reportPattern)),
  allow: optional(listOf(reportPattern)),
  failAt: optional(oneOf(grades)),
});

export interface Expectations extends ReportOptions {
  /** Records lost in the window: what is missing may have been among them. */
  readonly lost?: LossTotal;
}

/** A pattern of `expect` that was not met. */
export interface MissingReport {
  readonly pattern: ReportPattern;
  readonly seen: number;
  readonly message: string;
}

/** What the kernel's reports say about a test. */
export interface ReportVerdict {
  readonly ok: boolean;
  /** In the order in which they appeared. */
  readonly unexpected: readonly KernelReport[];
  readonly missing: readonly MissingReport[];
  /** Expected, allowed, too mild, or a taint that another report, or a module of the project's own, accounts for. */
  readonly tolerated: readonly KernelReport[];
  /** One line for each fault; empty when all is well. */
  readonly messages: readonly string[];
}

/** The project's own modules are out of the tree and not signed, which the kernel under test cannot help. */
const ownTaint = /^taint [OE]: (verify_pte|poke_pte|kernel_reports|ept_lab): /;

/**
 * Judges the reports of a test's window. A new taint that another report of the window sets (a WARN sets W) is no fault of its own.
 */
export function evaluateReports(
  reports: readonly KernelReport[],
  expectations: Expectations = {},
): ReportVerdict {
  const { expect = [], allow = [], failAt = 'warning', lost } = expectations;
  const patterns = [...expect, ...allow];

  const explained = new Set(reports.filter(({ kind }) => kind !== 'taint').flatMap(({ taints }) => taints));
  const unexpected: KernelReport[] = [];
  const tolerated: KernelReport[] = [];
  for (const report of reports) {
    const wanted = patterns.some((pattern) => matchesPattern(report, pattern));
    const known =
      report.kind === 'taint' &&
      (ownTaint.test(report.title) || report.taints.every((letter) => explained.has(letter)));
    // The log's line about a taint and the flag itself are one event.
    if (report.kind === 'taint') for (const letter of report.taints) explained.add(letter);
    if (wanted || known || !isAtLeast(report.grade, failAt)) tolerated.push(report);
    else unexpected.push(report);
  }
  const missing = expect.flatMap((pattern) => missingOf(pattern, reports, lost));
  const messages = [
    ...unexpected.map(({ grade, title }) => `The kernel reported (${grade}): ${title}`),
    ...missing.map(({ message }) => message),
  ];
  return { ok: messages.length === 0, unexpected, missing, tolerated, messages };
}

function missingOf(
  pattern: ReportPattern,
  reports: readonly KernelReport[],
  lost: LossTotal | undefined,
): MissingReport[] {
  const seen = reports.filter((report) => matchesPattern(report, pattern)).length;
  if (pattern.count === undefined ? seen > 0 : seen === pattern.count) return [];
  const caveat =
    lost !== undefined && hasLoss(lost)
      ? `; ${describeLoss(lost)} kernel log records were lost, it may have been among them`
      : '';
  const message = `Expected a kernel report (${describeReportPattern(pattern)}), seen ${seen} time(s)${caveat}`;
  return [{ pattern, seen, message }];
}
