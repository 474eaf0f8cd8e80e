import type { TraceEvent } from '../../../../lib/guest/trace/events.js';

/** An exit of the VM as the tracepoint kvm:kvm_exit tells of it (arch/x86/kvm/trace.h). */
export interface EptExit {
  /** Without the prefix EXIT_REASON_. */
  readonly reason: string;
  /** Exit qualification. */
  readonly qualification: bigint;
}

export function eptExits(events: readonly TraceEvent[]): EptExit[] {
  return events
    .filter(({ name }) => name === 'kvm_exit')
    .map(({ text }) => {
      const [, reason, info1] = /reason (\S+) .*info1 (0x[0-9a-f]+)/.exec(text) ?? [];
      if (reason === undefined || info1 === undefined)
        throw new TypeError(`a kvm_exit of an unknown shape: ${text}`);
      return { reason, qualification: BigInt(info1) };
    });
}
