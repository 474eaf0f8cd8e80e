import { InfrastructureError } from '../errors.js';

/** Bochs's debugger did not answer, or answered what is no answer. */
export class DebuggerError extends InfrastructureError {
  override readonly name = 'DebuggerError';
}
