import type { KernelLogEntry } from '../kernel-log/entry.js';
import { KeptReports } from './kept-reports.js';
import { DEFAULT_REPORT_LIMITS, MAX_OPEN } from './limits.js';
import type { ReportLimits } from './limits.js';
import { OpenReport } from './open-report.js';
import type { Place } from './open-report.js';
import type { KernelReport } from './report.js';
import { ruleFor } from './rules.js';

/**
 * Finds the kernel's reports in a log, entry by entry. A report is extracted whole, lines that other CPUs print in between included;
 * one whose end never comes is given up when nothing like it follows, and is marked as not complete. What user space writes to
 * /dev/kmsg is no report, whatever it says; neither is a process that dies of a segmentation fault.
 *
 * @example
 * // Given a log's every entry from the first, a report's index is the arrival number that a mark holds.
 * const detector = new ReportDetector();
 * log.onEntry((entry) => detector.push(entry));
 * const reports = detector.reportsBetween(mark.position);
 */
export class ReportDetector {
  readonly #limits: ReportLimits;
  /** The latest is first: a report that begins inside another one is the one that goes on. */
  #open: OpenReport[] = [];
  readonly #closed: KeptReports;
  #entries = 0;
  /** Whether the log has time stamps. */
  #dated = false;

  constructor(limits: Partial<ReportLimits> = {}) {
    this.#limits = { ...DEFAULT_REPORT_LIMITS, ...limits };
    this.#closed = new KeptReports(this.#limits.total);
  }

  /**
   * Reports that **began** at entry `from` or later and before `to`, in the order in which they began, so that each belongs to one
   * window only. One that is still going on comes as it stands, marked as not complete.
   */
  reportsBetween(from = 0, to = Infinity): KernelReport[] {
    const open = this.#open.map((report) => report.asReport()).filter((report) => report !== undefined);
    return [...this.#closed.all(), ...open]
      .filter(({ index }) => index >= from && index < to)
      .sort((a, b) => a.index - b.index);
  }

  push(entry: KernelLogEntry): void {
    const place = { index: this.#entries++, time: entry.time };
    if (entry.lost !== undefined) {
      for (const report of this.#open) report.noteLoss(entry.text);
      return;
    }
    if ((entry.facility ?? 0) !== 0) return;
    this.#dated ||= entry.time !== undefined;
    // Among lines with a time stamp, one without may be a report's, torn by another writer, but is too little to begin one.
    const mayOpen = entry.flaw !== 'malformed' || !this.#dated;
    for (const line of entry.text.split('\n')) this.#readLine(line, place, mayOpen);
  }

  #readLine(line: string, place: Place, mayOpen: boolean): void {
    const { time } = place;
    for (const report of this.#open.filter((open) => open.isStaleAt(time))) this.#close(report);
    if (this.#endsBody(line, time) || (mayOpen && this.#opensReport(line, place))) return;
    for (const report of [...this.#open]) {
      const taken = report.offer(line, time);
      if (taken === 'yes') return;
      if (taken === 'over') this.#close(report);
    }
  }

  #endsBody(line: string, time: number | undefined): boolean {
    const ending = this.#open.find((report) => report.isEnd(line));
    if (ending === undefined) return false;
    if (ending.end(line, time)) this.#close(ending);
    return true;
  }

  #opensReport(line: string, place: Place): boolean {
    const found = ruleFor(line);
    if (found === undefined) return false;
    const { rule, match } = found;
    const absorbing = this.#open.find((report) => report.absorbs(rule.kind));
    const report = absorbing ?? new OpenReport(rule, match, place, this.#limits);
    if (absorbing !== undefined) absorbing.absorb(rule, match, place.time);
    else this.#open.unshift(report);
    const oldest = this.#open.length > MAX_OPEN ? this.#open.at(-1) : undefined;
    if (oldest !== undefined) this.#close(oldest);
    if (report.isOneLine) this.#close(report);
    return true;
  }

  #close(closing: OpenReport): void {
    this.#open = this.#open.filter((report) => report !== closing);
    const report = closing.asReport();
    if (report !== undefined) this.#closed.add(report);
  }
}

/** All reports of a stretch of log. */
export function detectReports(entries: Iterable<KernelLogEntry>): KernelReport[] {
  const detector = new ReportDetector();
  for (const entry of entries) detector.push(entry);
  return detector.reportsBetween();
}
