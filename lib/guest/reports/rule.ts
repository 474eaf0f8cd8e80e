import type { Grade, ReportKind } from './report.js';

/**
 * What the kernel says when something is wrong: how such a report begins, goes on and ends, and where that was read. The rules, the
 * specs and the table in docs/kernel-reports.md are all made from this.
 */
export interface ReportRule {
  readonly kind: ReportKind;
  readonly grade: Grade;
  /** File and version of Linux in which the message was read. */
  readonly source: string;
  /** Such a report's beginning, names and addresses made up: it gives exactly this rule's report. */
  readonly example: string;
  /** What a healthy kernel says that looks like it; it gives no report. */
  readonly healthy: string;
  /** How a real kernel was made to say it, where it was. */
  readonly live?: string;
  /** The line that names it. Anchored at the start, so that text which merely speaks of it does not count. */
  readonly opens: RegExp;
  /** The title, without the place; from the match of `opens`. Default: its first group, or all of it. */
  readonly headline?: (match: RegExpExecArray) => string;
  /** The function, where that line holds it. */
  readonly where?: (match: RegExpExecArray) => string | undefined;
  /** A later line of the report whose first group belongs in the title. */
  readonly adds?: RegExp;
  /**
   * Whose fault it is, when no line says so: the function at the instruction pointer (default), or the first of the backtrace that
   * is not part of the check itself.
   */
  readonly blames?: 'caller';
  /** The body's last line; `undefined`: the report has no body but the line itself. */
  readonly ends?: RegExp;
  /** Lines that may follow the end and still belong to the report. */
  readonly tail?: RegExp;
  /** How many lines of others may stand between lines of the tail; default 0. */
  readonly tailGap?: number;
  /** Openings of these kinds that come before the report's backtrace are further lines of the same report. */
  readonly absorbs?: readonly ReportKind[];
  /** Lines without one that looks like a trace, after which the report is given up; default `PATIENCE`. */
  readonly patience?: number;
  /**
   * The line only announces a report whose kind a later one says (`cut here`, `=====`). When none says it: `keep` it as what it
   * is, or `drop` it as decoration, or as what was asked for.
   */
  readonly announces?: 'keep' | 'drop';
  /** So general that a program may have written it: among lines with a time stamp, one without does not count. */
  readonly general?: true;
  /** Letter of the taint flag that the event sets. */
  readonly taint?: string;
}
