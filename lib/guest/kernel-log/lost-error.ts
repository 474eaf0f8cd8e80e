import { InfrastructureError } from '../../errors.js';

/** What the kernel's log says of a mapping was overwritten before it was read: nothing is known from it, for good or ill. */
export class KernelLogLostError extends InfrastructureError {
  override readonly name = 'KernelLogLostError';

  /**
   * @param message what cannot be told
   * @param details what was seen, a line each
   */
  constructor(message: string, details: readonly string[]) {
    super(
      [
        message,
        ...details.map((detail) => `  ${detail}`),
        'Remedy: a larger ring buffer, log_buf_len=16M on the kernel command line, or pauses between the lines, ' +
          'echo 1 > /proc/sys/kernel/printk_delay in the guest.',
      ].join('\n'),
    );
  }
}
