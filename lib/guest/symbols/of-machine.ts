import type { Whereabouts } from '../../machine/boot-story/index.js';
import type { Machine, VcpuRegisters } from '../../machine/machine.js';
import { KernelMemory } from '../process/kernel-memory.js';
import { SymbolsError } from './errors.js';
import { symbolsOfKernel } from './kernel-file.js';
import { whereabouts } from './locate.js';
import { moduleSymbols } from './module-symbols.js';
import { placeSymbols } from './place.js';
import type { SymbolTable } from './symbol-table.js';

/**
 * The symbols of the kernel that runs in a machine and of the modules in it, where they run. The guest is not asked.
 *
 * @throws SymbolsError when the kernel's file has none, or the kernel is not there (yet)
 */
export async function symbolsOfMachine(
  machine: Machine,
  cpus: readonly VcpuRegisters[],
): Promise<SymbolTable> {
  const symbols = await symbolsOfMachineKernel(machine);
  await using opened = await machine.openMemory();
  const placed = await placeSymbols(symbols, opened.memory, cpus);
  const memory = new KernelMemory(opened.memory, placed.space);
  return placed.symbols.with(await moduleSymbols(memory, placed.symbols));
}

/** The symbols of the kernel that a machine boots, where they were linked. @throws SymbolsError when there are none */
export async function symbolsOfMachineKernel({ kernel }: Machine): Promise<SymbolTable> {
  if (kernel === undefined)
    throw new SymbolsError("The machine's launch names no kernel. Use a stack whose plan does.");
  return await symbolsOfKernel(kernel);
}

/** Names where a machine's vCPUs are; addresses stay bare where there are no symbols. */
export const namedPlaces: Whereabouts = async (machine, cpus) => {
  const symbols = await symbolsOfMachine(machine, cpus).catch((error: unknown) => {
    if (error instanceof SymbolsError) return undefined;
    throw error;
  });
  return cpus.map((cpu) => whereabouts(cpu, { symbols }));
};
