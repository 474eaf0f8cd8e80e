import path from 'node:path';

import type { Whereabouts } from '../../machine/boot-story/index.js';
import type { LaunchPlan } from '../../machine/plan/launch-plan.js';
import { openPhysicalMemory } from '../../memory/index.js';
import type { CpuRegisters, Monitor } from '../../monitor/index.js';
import { KernelMemory } from '../process/kernel-memory.js';
import { SymbolsError } from './errors.js';
import { symbolsOfKernel } from './kernel-file.js';
import { whereabouts } from './locate.js';
import { moduleSymbols } from './module-symbols.js';
import { placeSymbols } from './place.js';
import type { SymbolTable } from './symbol-table.js';

/** Where open-tdx's launch script expects L1's kernel, below its working folder. */
const opentdxKernel = 'linux-l1/arch/x86/boot/bzImage';

/** Absolute path of the kernel that a plan boots. @throws SymbolsError when the plan does not say */
function kernelOfPlan({ environment, workingFolder }: LaunchPlan): string {
  if (environment.E2E_KERNEL !== undefined) return environment.E2E_KERNEL;
  if (environment.E2E_IMAGE !== undefined) return path.join(environment.E2E_IMAGE, 'vmlinux');
  if (workingFolder !== undefined) return path.join(workingFolder, opentdxKernel);
  throw new SymbolsError('The launch plan names no kernel.');
}

/**
 * The symbols of the kernel that runs in a machine of this plan and of the modules in it, where they run. The guest is not asked.
 *
 * @throws SymbolsError when the kernel's file has none, or the kernel is not there (yet)
 */
export async function symbolsOfMachine(
  plan: LaunchPlan,
  monitor: Monitor,
  pid: number,
  cpus: readonly CpuRegisters[],
): Promise<SymbolTable> {
  const symbols = await symbolsOfKernel(kernelOfPlan(plan));
  await using opened = await openPhysicalMemory({ monitor, pid });
  const placed = await placeSymbols(symbols, opened.memory, cpus);
  const memory = new KernelMemory(opened.memory, placed.space);
  return placed.symbols.with(await moduleSymbols(memory, placed.symbols));
}

/** Names where the vCPUs of a machine of this plan are; addresses stay bare where there are no symbols. */
export function whereaboutsFor(plan: LaunchPlan): Whereabouts {
  return async (monitor, pid, cpus) => {
    const symbols = await symbolsOfMachine(plan, monitor, pid, cpus).catch((error: unknown) => {
      if (error instanceof SymbolsError) return undefined;
      throw error;
    });
    return cpus.map((cpu) => whereabouts(cpu, { symbols }));
  };
}
