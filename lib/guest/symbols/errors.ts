import { InfrastructureError } from '../../errors.js';

/** The kernel's symbols could not be had, or not be placed in the running guest. */
export class SymbolsError extends InfrastructureError {
  override readonly name = 'SymbolsError';
}
