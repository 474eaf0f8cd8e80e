import { InfrastructureError } from '../../errors.js';

/**
 * A process's page tables could not be found: no such process, or the guest's kernel gives too little to find it by. The
 * message says which, what was looked at, and what to give instead.
 */
export class ProcessSelectionError extends InfrastructureError {
  override readonly name = 'ProcessSelectionError';
}
