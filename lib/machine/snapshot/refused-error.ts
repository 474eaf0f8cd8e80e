import { InfrastructureError } from '../../errors.js';

/** QEMU does not take a snapshot's state: it is damaged, or of a QEMU or a machine that differs in a way nobody foresaw. */
export class SnapshotRefusedError extends InfrastructureError {
  override readonly name = 'SnapshotRefusedError';

  constructor(saw: string, options?: ErrorOptions) {
    super(`QEMU did not take the snapshot's state: ${saw}`, options);
  }
}
