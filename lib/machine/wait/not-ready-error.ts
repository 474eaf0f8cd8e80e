import { InfrastructureError } from '../../errors.js';
import { describeExit, type ProcessExit } from '../ownership/exit.js';

/** Why a wait ended without success. */
export type NotReadyReason = 'deadline' | 'exit' | 'panic' | 'failed' | 'cancelled';

export interface ReachedStage {
  readonly stage: string;
  /** Since the wait began. */
  readonly afterMs: number;
}

export interface NotReadyDetails {
  /** Whose readiness was awaited. */
  readonly subject: string;
  readonly reason: NotReadyReason;
  /** What was waited for when it ended: several things where they are awaited together. */
  readonly awaited: readonly string[];
  /** Of what ran into its deadline, or of what was awaited. */
  readonly budgetMs: number | undefined;
  readonly elapsedMs: number;
  readonly reached: readonly ReachedStage[];
  readonly lastSeen: string | undefined;
  /** What the host had to do with a deadline; empty where nothing is known. */
  readonly hostNote: string;
  /** How the process ended, if it did. */
  readonly exit: ProcessExit | undefined;
  /** The line of the kernel's panic, if there was one. */
  readonly panic: string | undefined;
  /** At most 50 lines, without control codes. */
  readonly consoleTail: readonly string[];
  readonly logFile: string | undefined;
}

/** A machine did not become ready: see `reason`. All that was seen is in the message and in the fields. */
export class NotReadyError extends InfrastructureError {
  override readonly name = 'NotReadyError';
  readonly details: NotReadyDetails;

  constructor(details: NotReadyDetails, options?: ErrorOptions) {
    super(messageOf(details, options?.cause), options);
    this.details = details;
  }

  get reason(): NotReadyReason {
    return this.details.reason;
  }
}

function messageOf(details: NotReadyDetails, cause: unknown): string {
  const { subject, awaited, budgetMs, hostNote, elapsedMs, reached, lastSeen, logFile, consoleTail } =
    details;
  const budget = budgetMs === undefined ? '' : `, budget ${seconds(budgetMs)}${hostNote}`;
  return [
    `${subject} was not ready: ${whatHappened(details, cause)} after ${seconds(elapsedMs)}, ` +
      `waiting for ${awaited.join(' and ')}${budget}.`,
    reached.length === 0
      ? 'No stage was reached.'
      : `Reached: ${reached.map(({ stage, afterMs }) => `${stage} (${seconds(afterMs)})`).join(', ')}.`,
    ...(lastSeen === undefined ? [] : [`Last seen: ${lastSeen}`]),
    ...(details.reason === 'deadline' ? ['If the machine is only slow, raise the budget.'] : []),
    ...(logFile === undefined ? [] : [`Full console log: ${logFile}`]),
    ...(logFile === undefined && consoleTail.length === 0 ? [] : [consolePart(consoleTail)]),
  ].join('\n');
}

function whatHappened({ reason, exit, panic }: NotReadyDetails, cause: unknown): string {
  switch (reason) {
    case 'deadline':
      return 'its time was up';
    case 'exit':
      return `its process ended (${describeExit(exit ?? {})})`;
    case 'panic':
      return `the guest's kernel panicked ("${panic ?? ''}"${exit ? `; the process then ended, ${describeExit(exit)}` : ''})`;
    case 'failed':
      return `the wait itself failed (${cause instanceof Error ? cause.message : String(cause)})`;
    case 'cancelled':
      return 'the wait was cancelled';
  }
}

function consolePart(tail: readonly string[]): string {
  if (tail.length === 0) return 'The console printed nothing.';
  return [`Console, last ${tail.length} lines:`, ...tail.map((line) => `  | ${line}`)].join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}
