import type { VcpuRegisters } from '../machine.js';

/**
 * Of several looks at the same vCPUs, for each the last one that shows it as it mostly is: idle, in user mode or in the kernel. A single look
 * may find a vCPU in the timer's interrupt, which says nothing of why a machine does not get on.
 */
export function usualState<Cpu extends Pick<VcpuRegisters, 'halted' | 'cpl'>>(
  looks: readonly (readonly Cpu[])[],
): Cpu[] {
  const [first = []] = looks;
  return first.map((cpu, index) => {
    const groups = new Map<string, Cpu[]>();
    for (const look of looks) {
      const seen = look[index] ?? cpu;
      const state = `${String(seen.halted)} ${seen.cpl}`;
      groups.set(state, [...(groups.get(state) ?? []), seen]);
    }
    const [most = []] = [...groups.values()].sort((one, other) => other.length - one.length);
    return most.at(-1) ?? cpu;
  });
}
