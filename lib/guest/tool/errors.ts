import { InfrastructureError } from '../../errors.js';

/** What a tool said of an operation that it could not do; see images/reference/tools/README.md. */
export interface ToolFailure {
  readonly kind: string;
  /** The symbolic name of the system's error, such as `ENOMEM`. */
  readonly errno?: string;
  readonly meaning?: string;
  /** What the tool did when it failed, with the numbers. */
  readonly tried: string;
}

/** A tool in the guest refused an operation, or the guest's kernel did: no verdict was reached. */
export class ToolError extends InfrastructureError {
  override readonly name: string = 'ToolError';
  readonly operation: string;
  readonly failure: ToolFailure;

  /** @param subject the tool, or what it does, as the message's first word */
  constructor(subject: string, operation: string, failure: ToolFailure, remedy?: string) {
    const errno = failure.errno === undefined ? '' : `: ${failure.errno} (${failure.meaning ?? 'unknown'})`;
    super(`${subject} ${operation}: ${failure.tried}${errno}.${remedy ? ` ${remedy}` : ''}`);
    this.operation = operation;
    this.failure = failure;
  }
}
