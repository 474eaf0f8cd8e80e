import type { KernelConfig } from './config.js';
import type { Requirement } from './requirements.js';

/** An option that is not as it must be. */
export interface Lack extends Requirement {
  /** `m` for a module where none can be loaded, undefined for an option that is off. */
  readonly value: string | undefined;
}

/**
 * What a configuration lacks.
 *
 * @param modules names of the modules that the guest will have, as /proc/modules writes them
 */
export function lacksOf(
  config: KernelConfig,
  requirements: readonly Requirement[],
  modules: ReadonlySet<string>,
): Lack[] {
  return requirements.flatMap((requirement) => {
    const value = config.get(requirement.option);
    const loadable = requirement.module !== undefined && modules.has(requirement.module);
    return value === 'y' || (value === 'm' && loadable) ? [] : [{ ...requirement, value }];
  });
}

/** One line per lack: the option, how it is, why that will not do, and the remedy. */
export function describeLacks(lacks: readonly Lack[]): string[] {
  return lacks.map(({ option, value, why, module }) => {
    if (value === 'm' && module !== undefined) {
      return `CONFIG_${option}=m, and the guest has no module ${module}: ${why}. Build it in (=y), or name the folder of the modules with E2E_KERNEL_MODULES.`;
    }
    return value === undefined
      ? `CONFIG_${option} is not set: ${why}.`
      : `CONFIG_${option}=${value}, and must be y: ${why}.`;
  });
}

/** The commands that set the options, for the root of the kernel's tree. */
export function remedyFor(lacks: readonly Lack[]): string {
  const options = new Set(lacks.flatMap(({ option, parents = [] }) => [...parents, option]));
  const enable = [...options].map((option) => `-e ${option}`).join(' ');
  return `scripts/config ${enable} && make olddefconfig && make -j$(nproc) bzImage`;
}
