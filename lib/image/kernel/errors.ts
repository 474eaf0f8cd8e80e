import { InfrastructureError } from '../../errors.js';

/** A kernel that was given cannot be used. The message says what was looked at, what is wrong with it and what to do. */
export class KernelError extends InfrastructureError {
  override readonly name: string = 'KernelError';
}
