import { InfrastructureError } from '../../errors.js';
import { budgetClock } from '../../host/budget/index.js';
import type { Machine, VcpuRegisters } from '../../machine/machine.js';
import {
  type AddressSpace,
  processorOf,
  type X86Entry,
  type X86Options,
  x86Space,
} from '../../paging/index.js';

const allOnes = (1n << 64n) - 1n;

/** What a parked thread holds in R12; R13 holds its complement, so that no chance value is taken for it. */
export type Marker = bigint;

/** The address space that a vCPU's control registers name at this moment, read as that vCPU reads it. */
export function addressSpaceOf(
  registers: Pick<VcpuRegisters, 'cr0' | 'cr3' | 'cr4' | 'efer' | 'features'>,
  options: X86Options = {},
): AddressSpace<X86Entry> {
  return x86Space({ ...processorOf(registers, registers.features), ...options, cr3: registers.cr3 });
}

/** The vCPU that runs the thread with this marker, in user mode. */
export function cpuWithMarker<R extends Pick<VcpuRegisters, 'cpl' | 'general'>>(
  cpus: readonly R[],
  marker: Marker,
): R | undefined {
  return cpus.find(
    ({ cpl, general }) => cpl === 3 && general.r12 === marker && general.r13 === (marker ^ allOnes),
  );
}

/**
 * The address space of a process without any help from its kernel: one of its threads spins in user mode with a marker in
 * R12, the machine is stopped, and the vCPU whose registers hold the marker has the process's CR3. Whatever an interrupt does to that
 * vCPU, the thread is back in user mode soon: the machine runs on for a moment and is stopped again, until `deadlineMs`.
 *
 * @throws InfrastructureError when no vCPU has the marker in time, with what the vCPUs were doing instead
 */
export async function parkedAddressSpace(
  machine: Pick<Machine, 'paused' | 'registers'>,
  marker: Marker,
  options: X86Options = {},
  deadlineMs = 30_000,
): Promise<AddressSpace<X86Entry>> {
  const end = budgetClock.now() + deadlineMs;
  for (;;) {
    const cpus = await machine.paused(() => machine.registers());
    const found = cpuWithMarker(cpus, marker);
    if (found) return addressSpaceOf(found, options);
    if (budgetClock.now() > end) throw notFound(cpus, marker, deadlineMs);
  }
}

function notFound(cpus: readonly VcpuRegisters[], marker: Marker, deadlineMs: number): InfrastructureError {
  const seen = cpus.map(
    ({ cpl, rip, general }, cpu) =>
      `vCPU ${cpu}: CPL ${cpl}, RIP 0x${rip.toString(16)}, R12 ${general.r12 === undefined ? 'not shown' : `0x${general.r12.toString(16)}`}`,
  );
  return new InfrastructureError(
    `No vCPU ran the thread with the marker 0x${marker.toString(16)} in user mode within ${deadlineMs} ms, ` +
      `so its address space is not known. Last seen: ${seen.join('; ')}. Is the thread parked, and is the guest not overloaded?`,
  );
}
