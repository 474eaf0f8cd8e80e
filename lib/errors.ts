import { printable } from './text/index.js';

/**
 * The infrastructure failed, so no verdict about the kernel was reached: a VM that did not boot, a monitor that went away,
 * a guest that cannot be asked. An assertion about the kernel that is false is never one of these (see matchers in fixtures/).
 *
 * The message is written for the person who reads it in a report: what was tried, what was seen, what to do next.
 * What a guest had to say in it is not trusted, and shown as `printable` text.
 */
export class InfrastructureError extends Error {
  override readonly name: string = 'InfrastructureError';

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}

/** A spec uses the framework wrongly: an option that there is not, an expectation that says nothing. No verdict, and not the kernel's fault. */
export class UsageError extends InfrastructureError {
  override readonly name = 'UsageError';
}
