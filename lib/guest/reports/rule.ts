import type { Grade, ReportKind } from './report.js';

/** How a report begins, goes on and ends. */
export interface ReportRule {
  readonly kind: ReportKind;
  readonly grade: Grade;
  /** The line that names it. Anchored at the start, so that text which merely speaks of it does not count. */
  readonly opens: RegExp;
  /** The title, without the place; from the match of `opens`. */
  readonly headline: (match: RegExpExecArray) => string;
  /** The function, where that line holds it. */
  readonly where?: (match: RegExpExecArray) => string | undefined;
  /**
   * Whose fault it is, when no line says so: the function at the instruction pointer (default), or the first of the backtrace that
   * is not part of the check itself.
   */
  readonly blames?: 'caller';
  /** The body's last line; `undefined`: the report has no body but the line itself. */
  readonly ends: RegExp | undefined;
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
   * is, or `drop` it as decoration.
   */
  readonly announces?: 'keep' | 'drop';
  /** Letter of the taint flag that the event sets. */
  readonly taint?: string;
}
