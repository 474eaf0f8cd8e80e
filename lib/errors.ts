import { printable } from './text/index.js';

/** For what is closed when its test ends: the spec's author may have left something unfinished. */
export const testEndedHint = 'When a test ends, this is closed: is an `await` missing before what asked it?';

/** Whoever wants to know which of these errors come to be in this process: see `onInfrastructureError`. One for all copies of this module. */
const observer = Symbol.for('opentdx-e2e.onInfrastructureError');
type Observer = (error: Error) => void;
const process = globalThis as { [observer]?: Observer };

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
    process[observer]?.(this);
  }
}

/** A spec uses the framework wrongly: an option that there is not, an expectation that says nothing. No verdict, and not the kernel's fault. */
export class UsageError extends InfrastructureError {
  override readonly name: string = 'UsageError';
}

/**
 * Has `observe` called with every infrastructure error of this process while it is made: its name is not set yet. An error that ends in the
 * text of something else, such as a check that got it in place of a value, is recognised there by those who know which errors there were.
 */
export function onInfrastructureError(observe: Observer): void {
  process[observer] = observe;
}
