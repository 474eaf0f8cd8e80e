import { InfrastructureError } from '../../../errors.js';
import { option } from '../../qemu-command-line/index.js';
import type { Draft } from '../draft.js';

/**
 * Adds those of the arguments to the kernel command line that are not there. The kernel takes the last of several that contradict
 * each other.
 *
 * @throws InfrastructureError when QEMU does not load the kernel itself
 */
export function addKernelArguments(draft: Draft, wanted: readonly string[], why: string): void {
  if (draft.all('kernel').length === 0) {
    throw new InfrastructureError(
      `The launch script gives QEMU no -kernel, so that ${wanted.join(' ')} cannot be added to the kernel command line (${why}). ` +
        `Put it into the guest's boot loader, or launch without the wrapper.`,
    );
  }
  // Of several, QEMU takes the last.
  const given = draft.all('append').at(-1);
  const there = new Set(given?.value?.split(/\s+/) ?? []);
  const missing = wanted.filter((argument) => !there.has(argument));
  if (missing.length === 0) return;
  if (!given) {
    draft.add(option('append', missing.join(' ')), why);
    return;
  }
  draft.replace(given, option('append', [given.value ?? '', ...missing].join(' ').trim()), why);
}
