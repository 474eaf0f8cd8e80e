import { InfrastructureError } from '../errors.js';

/** Debian's packages are not to be had as they are wanted: the message says what was asked of whom, what was seen and what to do. */
export class PackagesError extends InfrastructureError {
  override readonly name: string = 'PackagesError';
}

/** Neither the download cache nor an archive has what a lock names. */
export class PackagesGoneError extends PackagesError {
  override readonly name = 'PackagesGoneError';
}
