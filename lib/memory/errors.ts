import { InfrastructureError } from '../errors.js';

/** Guest memory cannot be read at all by the way tried: no process to read from, no permission, or the process has ended. */
export class MemoryAccessError extends InfrastructureError {
  override readonly name = 'MemoryAccessError';
}
