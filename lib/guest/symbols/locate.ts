import type { VcpuRegisters } from '../../machine/machine.js';
import { type LoadedModule, moduleAt } from './modules.js';
import type { SymbolTable } from './symbol-table.js';

/** What is known of the running kernel, to name addresses by. */
export interface Names {
  /** At the running kernel's addresses; undefined where they could not be had. */
  readonly symbols: SymbolTable | undefined;
  readonly modules?: readonly LoadedModule[];
}

/** CR0.PE (SDM vol. 3, 2.5). */
const CR0_PE = 1n;

/** Where a vCPU is, in words: `do_idle+0x1a`, `user mode at 0x401000`, `firmware, real mode, at f000:e05b`. */
export function whereabouts(cpu: VcpuRegisters, { symbols, modules = [] }: Names): string {
  const at = `0x${cpu.rip.toString(16)}`;
  if ((cpu.cr0 & CR0_PE) === 0n) {
    const { selector } = cpu.segments.cs;
    return `firmware, real mode, at ${selector.toString(16).padStart(4, '0')}:${cpu.rip.toString(16).padStart(4, '0')}`;
  }
  if (cpu.cpl === 3) return `user mode at ${at}`;
  if (cpu.width === 32 && cpu.rip < lowest64)
    return `32-bit code at ${at} (firmware, or a kernel's first steps)`;
  return symbols?.resolve(cpu.rip)?.text ?? moduleAt(modules, cpu.rip) ?? at;
}

const lowest64 = 1n << 32n;
