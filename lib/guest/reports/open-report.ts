import type { KernelLogEntry } from '../kernel-log/entry.js';
import { PATIENCE, PATIENCE_SECONDS } from './limits.js';
import type { ReportLimits } from './limits.js';
import { isAtLeast } from './report.js';
import type { Grade, KernelReport, ReportKind } from './report.js';
import { ReportText } from './report-text.js';
import type { ReportRule } from './rule.js';
import { isTraceBegin, type Opening } from './rules.js';
import { titleOf } from './title.js';
import { functionOfFrame, functionOfRip, isMachinery, looksLikeTrace } from './trace-lines.js';

/** What a report makes of a line. */
export type Taken =
  /** It belongs to the report, or may do so. */
  | 'yes'
  /** It is no part of the report's tail; the report waits on. */
  | 'no'
  /** It is not, and the report is over. */
  | 'over';

/** A line of the log: one of those of its entry's text. */
export interface Line extends KernelLogEntry {
  /** Number of the entry, from 0. */
  readonly index: number;
}

/** Seconds between a line and the trace below it that still speak for one writer. */
const TOGETHER = 1;
/** Without a level of its own, a message has this one (`CONFIG_MESSAGE_LOGLEVEL_DEFAULT`); so has what WARN's format says. */
const DEFAULT_LEVEL = 4;
/** `eth0: `, `usb 1-1: `, `systemd[1]: `, `EXT4-fs (vda1): `: what somebody else says. */
const PREFIXED = /^(?:[\w.-]+(?:\[\d+\])?|[\w-]+ [\w:.-]+(?: [\w.-]+)?|[\w-]+ \([\w.-]+\)): /;

/** A report of which more lines may come. */
export class OpenReport {
  readonly index: number;
  /** What stands before its first line. */
  readonly blanks: string;
  readonly #opened: Line;
  readonly #text: ReportText;
  #rule: ReportRule;
  #match: RegExpExecArray;
  #grade: Grade;
  readonly #taints = new Set<string>();
  /** The body's end was seen, or there is no body. */
  #inTail: boolean;
  #backtraceBegan = false;
  /** No line that looks like a trace has come yet: what comes may be what WARN's format says. */
  #mayRemark = true;
  #complete: boolean;
  #lostLines = false;
  #noise = 0;
  #lastTime: number | undefined;
  #rip: string | undefined;
  #frame: string | undefined;
  #where: string | undefined;
  /** What a later line adds to the title. */
  #added: string | undefined;
  /** Lines of the check's own about the line that names the kind: what WARN's format says, if it is but one. */
  readonly #remarks: string[] = [];

  /** @param before the line before it, which may be the complaint that a trace belongs to */
  constructor(
    { rule, match }: Opening,
    line: Line,
    before: KernelLogEntry | undefined,
    limits: ReportLimits,
  ) {
    this.index = line.index;
    this.blanks = /^ */.exec(line.text)?.[0] ?? '';
    this.#opened = line;
    this.#lastTime = line.time;
    this.#rule = rule;
    this.#match = match;
    this.#grade = rule.grade;
    if (rule.taint !== undefined) this.#taints.add(rule.taint);
    this.#where = rule.where?.(match);
    this.#inTail = rule.ends === undefined;
    this.#complete = this.#inTail;
    this.#text = new ReportText(limits);
    if (rule.kind === 'trace' && before !== undefined && isTogether(before, line)) {
      this.#remarks.push(before.text);
      this.#text.add(before.text);
    }
    this.#text.add(line.text);
    if (rule.kind === 'trace') this.#backtraceBegan = rule.announces === undefined;
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
  absorb({ rule, match }: Opening, line: Line): void {
    this.#take(line);
    this.#added ??= this.#rule.adds?.exec(line.text)?.[1];
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
  isEnd(text: string): boolean {
    return !this.#inTail && this.#rule.ends?.test(text) === true;
  }

  /** Takes the body's last line. Returns whether the report is over. */
  end(line: Line): boolean {
    this.#take(line);
    this.#inTail = true;
    this.#complete = true;
    return this.#rule.tail === undefined;
  }

  offer(line: Line): Taken {
    this.#added ??= this.#rule.adds?.exec(line.text)?.[1];
    return this.#inTail ? this.#offerToTail(line) : this.#offerToBody(line);
  }

  /** Notes that records were lost while the report was open. */
  noteLoss(text: string): void {
    this.#text.add(text);
    this.#lostLines = true;
  }

  /** The report as it stands; `undefined` for an announcement that came to nothing. */
  asReport(): KernelReport | undefined {
    if (this.#rule.announces === 'drop') return undefined;
    const named = this.#where ?? this.#rip;
    const blamed = named === undefined || this.#rule.blames === 'caller' || isMachinery(named);
    const where = blamed ? (this.#frame ?? this.#rip ?? named) : named;
    return {
      kind: this.#rule.kind,
      grade: this.#grade,
      title: titleOf(this.#headline(), where, this.#added ?? this.#remark()),
      where,
      index: this.index,
      time: this.#opened.time,
      text: this.#text.toString(),
      complete: this.#complete && !this.#lostLines,
      truncated: this.#text.truncated,
      taints: [...this.#taints],
    };
  }

  #headline(): string {
    const { headline } = this.#rule;
    return headline === undefined ? (this.#match[1] ?? this.#match[0]) : headline(this.#match);
  }

  /** Of several lines it is not known which one is the check's. */
  #remark(): string | undefined {
    const [first, ...more] = this.#remarks;
    const remarked = ['warning', 'trace', 'lockdep'].includes(this.#rule.kind);
    return remarked && more.length === 0 ? first : undefined;
  }

  /** Whether the line is the check's own, as far as can be told, and not another CPU's. */
  #isOwn({ text, caller, level }: Line): boolean {
    if (text.trim() === '') return false;
    if (caller !== undefined) return caller === this.#opened.caller;
    return level === undefined ? !PREFIXED.test(text) : level === DEFAULT_LEVEL;
  }

  #offerToTail(line: Line): Taken {
    if (this.#rule.tail?.test(line.text) === true) {
      this.#take(line);
      return 'yes';
    }
    this.#noise += 1;
    return this.#noise > (this.#rule.tailGap ?? 0) ? 'over' : 'no';
  }

  #offerToBody(line: Line): Taken {
    // Without marks of its stacks a trace has no end but the next one.
    if (this.#rule.kind === 'trace' && isTraceBegin(line.text)) return 'over';
    const isTrace = looksLikeTrace(line.text);
    const announced = this.#rule.announces !== undefined;
    if (announced ? !isTrace || line.text.startsWith(' ') : !isTrace && this.#mayRemark) this.#remarkOn(line);
    if (isTrace) {
      if (line.text.trim() !== '') this.#mayRemark &&= announced;
      this.#take(line);
      return 'yes';
    }
    this.#noise += 1;
    if (this.#noise > (this.#rule.patience ?? PATIENCE)) return 'over';
    this.#text.addDoubtful(line.text);
    return 'yes';
  }

  #remarkOn(line: Line): void {
    if (this.#rule.kind === 'warning' && this.#isOwn(line)) this.#remarks.push(line.text);
  }

  #take({ text, time }: Line): void {
    this.#text.add(text);
    this.#noise = 0;
    this.#lastTime = time ?? this.#lastTime;
    if (/^(?:CPU: |Call [Tt]race:)/.test(text)) this.#backtraceBegan = true;
    // Behind the end come the registers of the first oops since boot (`oops_end`, exec_summary_regs).
    if (!this.#inTail || this.#rule.ends === undefined) this.#rip ??= functionOfRip(text);
    if (this.#backtraceBegan) this.#frame ??= functionOfFrame(text);
  }
}

/** Whether `before` may be the complaint of whoever printed the trace that begins with `line`. */
function isTogether(before: KernelLogEntry, line: Line): boolean {
  if (before.text.trim() === '' || before.caller !== line.caller || before.flaw === 'malformed') return false;
  return (line.time ?? 0) - (before.time ?? 0) <= TOGETHER && !looksLikeTrace(before.text);
}
