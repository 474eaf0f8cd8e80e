import { PATIENCE, PATIENCE_SECONDS } from './limits.js';
import type { ReportLimits } from './limits.js';
import { isAtLeast } from './report.js';
import type { Grade, KernelReport, ReportKind } from './report.js';
import { ReportText } from './report-text.js';
import type { ReportRule } from './rule.js';
import { titleOf } from './title.js';
import { functionOfFrame, functionOfRip, looksLikeTrace } from './trace-lines.js';

/** What a report makes of a line. */
export type Taken =
  /** It belongs to the report, or may do so. */
  | 'yes'
  /** It is no part of the report's tail; the report waits on. */
  | 'no'
  /** It is not, and the report is over. */
  | 'over';

/** Where a report begins. */
export interface Place {
  /** Number of the entry, from 0. */
  readonly index: number;
  /** Seconds since boot. */
  readonly time: number | undefined;
}

/** A report of which more lines may come. */
export class OpenReport {
  readonly index: number;
  readonly #time: number | undefined;
  readonly #text: ReportText;
  #rule: ReportRule;
  #match: RegExpExecArray;
  #grade: Grade;
  readonly #taints = new Set<string>();
  /** The body's end was seen, or there is no body. */
  #inTail: boolean;
  #backtraceBegan = false;
  #complete: boolean;
  #lostLines = false;
  #noise = 0;
  #lastTime: number | undefined;
  #rip: string | undefined;
  #frame: string | undefined;
  #where: string | undefined;
  /** Lines between the announcement and the line that names the kind: what WARN's format string says, if it is but one. */
  readonly #remarks: string[] = [];

  constructor(rule: ReportRule, match: RegExpExecArray, { index, time }: Place, limits: ReportLimits) {
    this.index = index;
    this.#time = time;
    this.#lastTime = time;
    this.#rule = rule;
    this.#match = match;
    this.#grade = rule.grade;
    if (rule.taint !== undefined) this.#taints.add(rule.taint);
    this.#where = rule.where?.(match);
    this.#inTail = rule.ends === undefined;
    this.#complete = this.#inTail;
    this.#text = new ReportText(limits);
    this.#text.add(match.input);
  }

  /** Whether the report has neither body nor tail. */
  get isOneLine(): boolean {
    return this.#rule.ends === undefined && this.#rule.tail === undefined;
  }

  /** Whether so much time passed since its last line that a later line cannot belong to it. */
  isStaleAt(time: number | undefined): boolean {
    return time !== undefined && this.#lastTime !== undefined && time - this.#lastTime > PATIENCE_SECONDS;
  }

  /** Whether a line that opens `kind` would be a further line of this report. */
  absorbs(kind: ReportKind): boolean {
    return !this.#backtraceBegan && this.#rule.absorbs?.includes(kind) === true;
  }

  /** Takes a line that opens a report of its own elsewhere: an announcement learns its kind, a WARN the check behind it. */
  absorb(rule: ReportRule, match: RegExpExecArray, time: number | undefined): void {
    this.#take(match.input, time);
    this.#where ??= rule.where?.(match);
    if (rule.taint !== undefined) this.#taints.add(rule.taint);
    const announced = this.#rule.announces !== undefined;
    if (announced || this.#rule.kind === 'warning') {
      this.#rule = rule;
      this.#match = match;
      this.#inTail = rule.ends === undefined;
      this.#complete = this.#inTail;
    }
    this.#grade = !announced && isAtLeast(this.#grade, rule.grade) ? this.#grade : rule.grade;
  }

  /** Whether the line is the end of the body. */
  isEnd(line: string): boolean {
    return !this.#inTail && this.#rule.ends?.test(line) === true;
  }

  /** Takes the body's last line. Returns whether the report is over. */
  end(line: string, time: number | undefined): boolean {
    this.#take(line, time);
    this.#inTail = true;
    this.#complete = true;
    return this.#rule.tail === undefined;
  }

  offer(line: string, time: number | undefined): Taken {
    return this.#inTail ? this.#offerToTail(line, time) : this.#offerToBody(line, time);
  }

  /** Notes that records were lost while the report was open. */
  noteLoss(text: string): void {
    this.#text.add(text);
    this.#lostLines = true;
  }

  /** The report as it stands; `undefined` for an announcement that came to nothing. */
  asReport(): KernelReport | undefined {
    if (this.#rule.announces === 'drop') return undefined;
    const where =
      this.#rule.blames === 'caller'
        ? (this.#frame ?? this.#rip ?? this.#where)
        : (this.#where ?? this.#rip ?? this.#frame);
    return {
      kind: this.#rule.kind,
      grade: this.#grade,
      title: titleOf(this.#rule.headline(this.#match), where, this.#remark()),
      where,
      index: this.index,
      time: this.#time,
      text: this.#text.toString(),
      complete: this.#complete && !this.#lostLines,
      truncated: this.#text.truncated,
      taints: [...this.#taints],
    };
  }

  /** Of several lines it is not known which one is the check's and which another CPU's. */
  #remark(): string | undefined {
    const [first, ...more] = this.#remarks;
    return this.#rule.kind === 'warning' && more.length === 0 ? first : undefined;
  }

  #offerToTail(line: string, time: number | undefined): Taken {
    if (this.#rule.tail?.test(line) === true) {
      this.#take(line, time);
      return 'yes';
    }
    this.#noise += 1;
    return this.#noise > (this.#rule.tailGap ?? 0) ? 'over' : 'no';
  }

  #offerToBody(line: string, time: number | undefined): Taken {
    if (this.#rule.announces !== undefined) this.#remarks.push(line);
    if (looksLikeTrace(line)) {
      this.#take(line, time);
      return 'yes';
    }
    this.#noise += 1;
    if (this.#noise > (this.#rule.patience ?? PATIENCE)) return 'over';
    this.#text.addDoubtful(line);
    return 'yes';
  }

  #take(line: string, time: number | undefined): void {
    this.#text.add(line);
    this.#noise = 0;
    this.#lastTime = time ?? this.#lastTime;
    if (line.startsWith('CPU: ') || line.startsWith('Call Trace:')) this.#backtraceBegan = true;
    this.#rip ??= functionOfRip(line);
    if (this.#backtraceBegan) this.#frame ??= functionOfFrame(line);
  }
}
