import type { Access } from './access.js';

/**
 * The guest's process could not touch its memory. This is a statement about the guest's kernel, not a failure of the harness:
 * a spec that expects it says so with `rejects.toMatchPageFault`.
 */
export class GuestPageFaultError extends Error {
  override readonly name = 'GuestPageFaultError';
  readonly access: Exclude<Access, { outcome: 'done' }>;

  constructor(access: Exclude<Access, { outcome: 'done' }>) {
    super(
      access.outcome === 'fault'
        ? `${access.access} at 0x${access.address.toString(16)}: ${access.signal} (${access.code}), page-fault error code 0x${access.errorCode.toString(16)}`
        : `${access.access} at 0x${access.address.toString(16)} did not complete within ${access.afterMs} ms: it faults for ever`,
    );
    this.access = access;
  }
}
