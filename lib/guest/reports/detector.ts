import type { KernelLogEntry } from '../kernel-log/entry.js';
import { KeptReports } from './kept-reports.js';
import { DEFAULT_REPORT_LIMITS, MAX_OPEN } from './limits.js';
import type { ReportLimits } from './limits.js';
import { OpenReport } from './open-report.js';
import type { Line } from './open-report.js';
import type { KernelReport } from './report.js';
import { type Opening, isTraceBegin, ruleFor, unclaimedRuleFor } from './rules.js';

/**
 * Finds the kernel's reports in a log, entry by entry. A report is extracted whole, lines that other CPUs print in between included;
 * one whose end never comes is given up when nothing like it follows, and is marked as not complete. What user space writes to
 * /dev/kmsg is no report, whatever it says; neither is a process that dies of a segmentation fault. A call trace that no report claims
 * is one.
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
  #before: KernelLogEntry | undefined;

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
    const index = this.#entries++;
    if (entry.lost !== undefined) {
      for (const report of this.#open) report.noteLoss(entry.text);
      return;
    }
    if ((entry.facility ?? 0) !== 0) return;
    this.#dated ||= entry.time !== undefined;
    const { text } = entry;
    if (text.includes('\n')) for (const line of text.split('\n')) this.#readLine(line, entry, index);
    else this.#readLine(text, entry, index);
  }

  #readLine(line: string, entry: KernelLogEntry, index: number): void {
    // Who prints blanks before a report's first line prints them before all.
    const blanks = this.#open[0]?.blanks ?? '';
    const text = line.startsWith(blanks) ? line.slice(blanks.length) : line;
    const opening = ruleFor(text);
    // Most lines are nobody's.
    if (opening !== undefined || this.#open.length > 0 || isTraceBegin(text))
      this.#weigh({ ...entry, text, index }, opening);
    this.#before = entry;
  }

  #weigh(line: Line, opening: Opening | undefined): void {
    for (const report of this.#open) if (report.isStaleAt(line.time)) this.#close(report);
    if (this.#endsBody(line)) return;
    if (opening !== undefined && this.#mayOpen(opening, line)) {
      this.#openReport(opening, line);
      return;
    }
    for (const report of this.#open) {
      const taken = report.offer(line);
      if (taken === 'yes') return;
      if (taken === 'over') this.#close(report);
    }
    const unclaimed = unclaimedRuleFor(line.text);
    if (unclaimed !== undefined) this.#openReport(unclaimed, line);
  }

  /** Among lines with a time stamp, one without may be a program's, and is too little to begin a report whose words are common. */
  #mayOpen({ rule }: Opening, { flaw }: Line): boolean {
    return rule.general !== true || flaw !== 'malformed' || !this.#dated;
  }

  #endsBody(line: Line): boolean {
    const ending = this.#open.find((report) => report.isEnd(line.text));
    if (ending === undefined) return false;
    if (ending.end(line)) this.#close(ending);
    return true;
  }

  #openReport(opening: Opening, line: Line): void {
    const absorbing = this.#open.find((report) => report.absorbs(opening.rule.kind));
    const report = absorbing ?? new OpenReport(opening, line, this.#before, this.#limits);
    if (absorbing !== undefined) absorbing.absorb(opening, line);
    // A new list: whoever walks over the old one goes on undisturbed.
    else this.#open = [report, ...this.#open];
    const oldest = this.#open.length > MAX_OPEN ? this.#open.at(-1) : undefined;
    if (oldest !== undefined) this.#close(oldest);
    if (report.isOneLine) this.#close(report);
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
