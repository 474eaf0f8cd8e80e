import { readFile } from 'node:fs/promises';

import { InfrastructureError } from '../../lib/errors.js';
import { findProcess } from '../../lib/guest/process/address-space.js';
import type { KernelSources } from '../../lib/guest/process/kernel-of-guest.js';
import { addressSpaceOf } from '../../lib/guest/process/parked.js';
import { type OpenedMemory, openPhysicalMemory } from '../../lib/memory/index.js';
import { connectMonitor, type CpuRegisters } from '../../lib/monitor/index.js';
import {
  type AddressSpace,
  not64Bit,
  type Processor,
  processorOf,
  PTE_PFN_MASK,
  walk,
  type Walk,
  type X86Entry,
} from '../../lib/paging/index.js';
import { type Arguments, type Choice, UsageError } from './arguments.js';
import { whileStopped } from './stopped.js';

/** Together with the first command's 800 ms this leaves time for Node's own start: a failure is told within 3 s. */
const connectMs = 1_000;

export interface Verification {
  /** The monitor's `host:port`, or its socket's path. */
  readonly monitor: string;
  /** Physical address of the top table. */
  readonly root: bigint;
  /** Whose page tables these are, and how they were found. */
  readonly owner: string;
  readonly walk: Walk<X86Entry>;
  /** What decides how the tables are read, and was asked of the machine. */
  readonly processor: Processor;
  /** How memory was read. */
  readonly reader: string;
}

/**
 * Walks the page tables as the arguments ask.
 *
 * @throws UsageError, InfrastructureError and PagingError, each with a message for the user
 */
export async function verify(args: Arguments): Promise<Verification> {
  const sources = await readSources(args.kernelFiles);
  await using monitor = await connectMonitor({ ...args.endpoint, deadlineMs: connectMs });
  return await whileStopped(monitor, async () => {
    const registers = await monitor.infoRegisters();
    await using memory = await openPhysicalMemory({ monitor });
    const { space, owner, cpu } = await select(args.choice, registers, memory, sources);
    return {
      monitor: monitor.peer.where,
      root: space.root,
      owner,
      walk: await walk(memory.memory, space, args.address),
      processor: processorOf(cpu, cpu.features),
      reader: memory.summary,
    };
  });
}

interface Selected {
  readonly space: AddressSpace<X86Entry>;
  readonly owner: string;
  /** A vCPU of the same kind and mode as that whose tables these are. */
  readonly cpu: CpuRegisters;
}

async function select(
  choice: Choice,
  registers: readonly CpuRegisters[],
  opened: OpenedMemory,
  sources: KernelSources,
): Promise<Selected> {
  switch (choice.by) {
    case 'cpu': {
      const cpu = vcpu(registers, choice.cpu);
      const mode = cpu.cpl === 3 ? 'in user mode' : 'in the kernel';
      return {
        cpu,
        space: addressSpaceOf(cpu),
        owner: `vCPU ${cpu.cpu} at this moment (${mode}, RIP 0x${cpu.rip.toString(16)}); --pid names a process`,
      };
    }
    case 'cr3': {
      const cpu = vcpu(registers, 0);
      const space = addressSpaceOf(cpu);
      return {
        cpu,
        space: { ...space, root: choice.cr3 & PTE_PFN_MASK },
        owner: `CR3 as given, 0x${choice.cr3.toString(16)}`,
      };
    }
    case 'process': {
      const { pid, name, space, how } = await findProcess(registers, opened.memory, choice.process, {
        sources,
      });
      return {
        space,
        owner: `process ${pid} (${name}); ${how}`,
        cpu: registers.find((cpu) => not64Bit(cpu) === undefined) ?? vcpu(registers, 0),
      };
    }
  }
}

/** A vCPU that translates addresses. */
function vcpu(registers: readonly CpuRegisters[], wanted: number): CpuRegisters {
  const found = registers.find(({ cpu }) => cpu === wanted);
  if (!found) {
    throw new UsageError(
      `The VM has no vCPU ${wanted}: it has ${registers.map(({ cpu }) => cpu).join(', ')}. Choose one with --cpu.`,
    );
  }
  const other = not64Bit(found);
  if (other !== undefined) {
    const state = `CR0 0x${found.cr0.toString(16)}, CR4 0x${found.cr4.toString(16)}, EFER 0x${found.efer.toString(16)}`;
    throw new InfrastructureError(
      `vCPU ${wanted} is not in 64-bit mode (${state}): ${other}, or choose another vCPU with --cpu.`,
    );
  }
  return found;
}

async function readSources(files: Arguments['kernelFiles']): Promise<KernelSources> {
  const { kallsyms, systemMap, btf, vmlinux } = files;
  return {
    ...(kallsyms === undefined ? {} : { kallsyms: (await read(kallsyms)).toString('latin1') }),
    ...(systemMap === undefined ? {} : { systemMap: (await read(systemMap)).toString('latin1') }),
    ...(btf === undefined ? {} : { btf: await read(btf) }),
    ...(vmlinux === undefined ? {} : { vmlinux: await read(vmlinux) }),
  };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new UsageError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      { cause: error },
    );
  }
}
