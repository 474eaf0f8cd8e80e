import { InfrastructureError } from '../../errors.js';

/** The guest was asked by the very code for which its machine stands still: it would have waited for itself. */
export class GuestPausedError extends InfrastructureError {
  override readonly name = 'GuestPausedError';

  constructor(title: string) {
    super(
      `${title}: its guest cannot be asked for anything here, as the machine is paused until this code is done. ` +
        'Ask the guest before paused() or after it; inside there is only the machine itself: memory, registers, debugger commands.',
    );
  }
}
