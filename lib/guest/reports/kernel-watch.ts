import { budgetClock } from '../../host/budget/index.js';
import type { ConsoleLine } from '../../machine/console/index.js';
import type { Machine } from '../../machine/machine.js';
import { InfrastructureError } from '../../errors.js';
import { type KernelLogEntry, lossAmong, type LossTotal, parseKernelLog } from '../kernel-log/index.js';
import type { KernelLogFollower } from '../kernel-log-follower.js';
import { detectReports } from './detector.js';
import type { KernelReport } from './report.js';
import { taintReports } from './taint.js';

/** What the kernel reported while it was watched. */
export interface WatchedReports {
  /** In the order in which they began; new taints last. */
  readonly reports: readonly KernelReport[];
  /** Records that the ring buffer had overwritten by the end: a report may have been among them. */
  readonly lost: LossTotal;
  /** Where the reports are from. The console has emergencies only, but it has them when the guest answers no more. */
  readonly source: 'kernel log' | 'console';
  /** Why the kernel log could not be read, where it could not and no report explains it. */
  readonly problem: InfrastructureError | undefined;
}

/** What a watch asks of a machine and of its guest's log. */
type WatchedMachine = Pick<Machine, 'console' | 'died' | 'guard' | 'has' | 'monitor'>;
type WatchedLog = Pick<KernelLogFollower, 'window' | 'arrived'> & {
  readonly began: Pick<KernelLogFollower['began'], 'taint'>;
};

/** The first and the last line of a panic, as a console shows it. */
const panic = 'Kernel panic - not syncing';
const panicEnd = '---[ end Kernel panic';
/** How long a kernel that panics may take to print its last line over a serial port. */
const panicMs = 5_000;

/** How long a guest may take to hand over its log. A guest that hangs must not hold up the verdict for longer. */
const readMs = 30_000;

/** Watches a guest's kernel through its log. A guest that answers no more is judged by its console, and by what of its log has arrived. */
export class KernelWatch {
  readonly #machine: WatchedMachine;
  readonly #log: WatchedLog;
  readonly #consoleLine: number;
  readonly #stopListening: () => void;
  /** The panic's first line, which what the kernel prints after it may push out of the console's memory. */
  #panic: ConsoleLine | undefined;

  /**
   * What the kernel prints from now on counts.
   *
   * @param log as it is for a test that begins now
   * @param consoleLine the console's line from which on its text counts
   */
  constructor(machine: WatchedMachine, log: WatchedLog, consoleLine: number) {
    this.#machine = machine;
    this.#log = log;
    this.#consoleLine = consoleLine;
    const note = (line: ConsoleLine): void => {
      // A line is told as it grows.
      const isFirst = this.#panic === undefined || this.#panic.number === line.number;
      if (isFirst && line.text.includes(panic)) this.#panic = line;
    };
    machine.console.recent(consoleLine).forEach(note);
    this.#stopListening = machine.console.onLine(note);
  }

  /** Whether the console shows that the kernel panicked since. */
  get panicked(): boolean {
    return this.#panic !== undefined;
  }

  /** Calls `listener`, once, as soon as the console shows a panic. Returns what ends that. */
  onPanic(listener: () => void): () => void {
    const stop = this.#machine.console.onLine(({ text }) => {
      if (!text.includes(panic)) return;
      stop();
      listener();
    });
    return stop;
  }

  /** All that the kernel reported since. Ask once: the watch ends with it. */
  async reports(): Promise<WatchedReports> {
    try {
      return await this.#reports();
    } finally {
      this.#stopListening();
    }
  }

  async #reports(): Promise<WatchedReports> {
    if (this.panicked) await this.#panicIsPrinted();
    const { died } = this.#machine;
    const lost = this.#machine.has('monitor') && this.#machine.monitor.closed;
    if (this.panicked || died.aborted || lost) return this.#fromConsole();
    try {
      return await this.#andConsole(await this.#machine.guard(this.#fromGuest()));
    } catch (error) {
      const seen = this.#fromConsole();
      // A dead kernel, or a dead QEMU, is explanation enough.
      if (seen.reports.length > 0 || this.#machine.died.aborted) return seen;
      const arrived = this.#fromLog(this.#log.arrived, this.#log.began.taint);
      if (arrived.reports.length > 0) return arrived;
      const reason = error instanceof Error ? error.message : String(error);
      const problem = new InfrastructureError(
        `Whether the guest's kernel is well is not known, as its log cannot be read: ${reason}`,
        { cause: error },
      );
      return { ...seen, problem };
    }
  }

  /** Adds what the guest's log cannot have: a panic after it was handed over, and what the ssh server, when it died, wrote to the console. */
  async #andConsole(seen: WatchedReports): Promise<WatchedReports> {
    if (this.panicked) await this.#panicIsPrinted();
    const isNew = ({ kind, title }: KernelReport): boolean =>
      kind === 'panic' || (kind === 'segfault' && !seen.reports.some((report) => report.title === title));
    return { ...seen, reports: [...seen.reports, ...this.#consoleReports().filter(isNew)] };
  }

  async #fromGuest(): Promise<WatchedReports> {
    const { entries, taint } = await this.#log.window(readMs);
    return this.#fromLog(entries, taint);
  }

  #fromLog(entries: readonly KernelLogEntry[], taint: bigint): WatchedReports {
    const records = entries.filter(({ lost }) => lost === undefined);
    const reports = [...detectReports(records), ...taintReports(this.#log.began.taint, taint)];
    return { reports, lost: lossAmong(entries), source: 'kernel log', problem: undefined };
  }

  #fromConsole(): WatchedReports {
    const lost = { count: 0, exact: true };
    return { reports: this.#consoleReports(), lost, source: 'console', problem: undefined };
  }

  /** A panic is among them even if its first line stands behind a program's output, or is no longer known to the console. */
  #consoleReports(): KernelReport[] {
    const reports = detectReports(parseKernelLog(this.#console().join('\n'), { format: 'dmesg' }));
    if (this.#panic === undefined || reports.some(isPanic)) return reports;
    const { text } = this.#panic;
    return [...reports, ...detectReports([{ text: text.slice(text.indexOf(panic)) }])];
  }

  /** Resolves when the panic's last line is on the console, or will not come. */
  async #panicIsPrinted(): Promise<void> {
    if (this.#console().some((line) => line.includes(panicEnd))) return;
    await new Promise<void>((resolve) => {
      const over = (): void => {
        cancel();
        stop();
        resolve();
      };
      const cancel = budgetClock.after(panicMs, over);
      const stop = this.#machine.console.onLine(({ text }) => {
        if (text.includes(panicEnd)) over();
      });
      if (this.#machine.died.aborted) over();
      this.#machine.died.addEventListener('abort', over, { once: true });
    });
  }

  #console(): string[] {
    return this.#machine.console.recent(this.#consoleLine).map(({ text }) => text);
  }
}

function isPanic({ kind }: KernelReport): boolean {
  return kind === 'panic';
}
