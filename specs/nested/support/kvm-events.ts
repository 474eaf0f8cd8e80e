import type { TraceEvent } from '../../../lib/guest/trace/events.js';

/** An exit of the VM for a fault in the nested tables, as the tracepoint kvm:kvm_exit tells of it (AMD APM vol. 2, 15.25.6). */
export interface NestedFault {
  /** EXITINFO1: see PFERR. */
  readonly errorCode: bigint;
  /** EXITINFO2: guest-physical. */
  readonly address: bigint;
}

export function nestedFaults(events: readonly TraceEvent[]): NestedFault[] {
  return events.flatMap(({ name, text }) => {
    const [, errorCode, address] = /reason npf .* info1 (0x[0-9a-f]+) info2 (0x[0-9a-f]+)/.exec(text) ?? [];
    if (name !== 'kvm_exit' || errorCode === undefined || address === undefined) return [];
    return [{ errorCode: BigInt(errorCode), address: BigInt(address) }];
  });
}

/** Reasons of the VM's exits, in order, such as `npf` and `hlt`; not the host's interrupts, which come when they come. */
export function exitReasons(events: readonly TraceEvent[]): string[] {
  const reasons = events.flatMap(({ name, text }) =>
    name === 'kvm_exit' ? (/reason (\S+)/.exec(text)?.[1] ?? text) : [],
  );
  return reasons.filter((reason) => reason !== 'interrupt');
}

/** What KVM says of an MMIO SPTE that it installs: the tracepoint kvmmmu:mark_mmio_spte. */
export interface MarkedMmio {
  readonly gfn: bigint;
  readonly access: number;
  readonly generation: number;
}

export function markedMmio(events: readonly TraceEvent[]): MarkedMmio[] {
  return eventsOf(
    events,
    'mark_mmio_spte',
    /gfn ([0-9a-f]+) access ([0-9a-f]+) gen ([0-9a-f]+)$/,
    (gfn, access, gen) => ({
      gfn: BigInt(`0x${gfn}`),
      access: parseInt(access, 16),
      generation: parseInt(gen, 16),
    }),
  );
}

/** KVM's judgement of an MMIO SPTE that an access met: the tracepoint kvmmmu:check_mmio_spte. */
export interface CheckedMmio {
  readonly spte: bigint;
  /** The generation of the memory slots now, and the one in the entry. */
  readonly kvmGeneration: number;
  readonly spteGeneration: number;
  readonly valid: boolean;
}

export function checkedMmio(events: readonly TraceEvent[]): CheckedMmio[] {
  const pattern = /spte ([0-9a-f]+) kvm_gen ([0-9a-f]+) spte-gen ([0-9a-f]+) valid ([01])$/;
  return eventsOf(events, 'check_mmio_spte', pattern, (spte, kvm, own, valid) => ({
    spte: BigInt(`0x${spte}`),
    kvmGeneration: parseInt(kvm, 16),
    spteGeneration: parseInt(own, 16),
    valid: valid === '1',
  }));
}

/** @throws TypeError for an event whose text is of another shape: it would be missed otherwise */
function eventsOf<T>(
  events: readonly TraceEvent[],
  wanted: string,
  pattern: RegExp,
  make: (...fields: [string, string, string, string]) => T,
): T[] {
  return events
    .filter(({ name }) => name === wanted)
    .map(({ text }) => {
      const [, one, two, three, four = ''] = pattern.exec(text) ?? [];
      if (one === undefined || two === undefined || three === undefined)
        throw new TypeError(`a ${wanted} event of an unknown shape: ${text}`);
      return make(one, two, three, four);
    });
}
