import { InfrastructureError } from '../../errors.js';

/** A line of the kernel's log was awaited in vain. `lastEntries` are the last few that arrived. */
class KernelLogError extends InfrastructureError {
  override readonly name: string = 'KernelLogError';
  readonly awaited: string;
  readonly lastEntries: readonly string[];

  constructor(problem: string, awaited: string, lastEntries: readonly string[], options?: ErrorOptions) {
    super(`${problem}\n${tail(lastEntries)}`, options);
    this.awaited = awaited;
    this.lastEntries = lastEntries;
  }
}

/** The deadline passed. */
export class KernelLogTimeoutError extends KernelLogError {
  override readonly name = 'KernelLogTimeoutError';
}

/** The log ended, or was closed, before the line came; `cause` is the channel's error, if it had one. */
export class KernelLogEndedError extends KernelLogError {
  override readonly name = 'KernelLogEndedError';
}

/** A line came after which the awaited one cannot come any more: the guest's kernel panicked. */
export class KernelLogAbortedError extends KernelLogError {
  override readonly name = 'KernelLogAbortedError';
}

function tail(lines: readonly string[]): string {
  if (lines.length === 0) return 'No line of the kernel log has arrived.';
  return `The last ${lines.length} line(s) of the kernel log:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
