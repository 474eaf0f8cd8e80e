import { InfrastructureError } from '../../errors.js';

/**
 * A process's page tables could not be found: no such process, or the guest's kernel gives too little to find it by. The
 * message says which, what was looked at, and what to give instead.
 */
export class ProcessSelectionError extends InfrastructureError {
  override readonly name: string = 'ProcessSelectionError';
}

/** There is none of this PID or name (any more), or it has no memory. */
export class ProcessGoneError extends ProcessSelectionError {
  override readonly name = 'ProcessGoneError';
}
