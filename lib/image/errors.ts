import { InfrastructureError } from '../errors.js';

/** The reference guest could not be built. The message says at which step and what to do; `log` holds the build's last lines. */
export class ImageBuildError extends InfrastructureError {
  override readonly name: string = 'ImageBuildError';
  readonly log: readonly string[];

  constructor(message: string, log: readonly string[] = [], options?: ErrorOptions) {
    super(log.length > 0 ? `${message}\n${log.map((line) => `  ${line}`).join('\n')}` : message, options);
    this.log = log;
  }
}

/** @param what was to be built: `The reference guest` */
export function recipeFailed(what: string, how: string, output: string): ImageBuildError {
  return new ImageBuildError(`${what} could not be built: ${how}`, output.trim().split('\n').slice(-25));
}
