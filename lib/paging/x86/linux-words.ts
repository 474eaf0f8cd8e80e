import { hex } from '../bits.js';
import type { Level } from '../level.js';
import { linuxMeaning, type LinuxMeaning, type LinuxSwap } from './linux-meaning.js';

/** What Linux means by an entry, in a few words. */
export function linuxWords(linux: LinuxMeaning): string {
  switch (linux.state) {
    case 'empty':
      return 'never used';
    case 'prot-none':
      return `PROT_NONE, page at ${hex(linux.physicalAddress)}`;
    case 'invalidated':
      return `huge page at ${hex(linux.physicalAddress)}, being split`;
    case 'present': {
      const bits = (['special', 'uffdWp', 'softDirty', 'devmap', 'savedDirty'] as const).filter(
        (name) => linux[name],
      );
      return bits.length === 0 ? 'no software bit set' : bits.join(', ');
    }
    default:
      return swapWords(linux);
  }
}

/**
 * The same of an entry of a process's that is not present and not empty. Whose kernel it is need not be known: where kernels differ, in
 * their own swap types, it is said that it is one of these.
 */
export function absenceWords(raw: bigint, level: Level, known?: LinuxMeaning): string | undefined {
  if (raw === 0n) return undefined;
  const meaning = known ?? linuxMeaning(raw, level, '6.1');
  if (known || !('swapType' in meaning) || meaning.state === 'swap') return linuxWords(meaning);
  return `an entry of the kernel's own, swap type ${meaning.swapType}: migration, a poisoned page, a device's page or a marker`;
}

function swapWords({ state, swapType, swapOffset, physicalAddress }: LinuxSwap): string {
  const place =
    physicalAddress === undefined ? `offset ${hex(swapOffset)}` : `page at ${hex(physicalAddress)}`;
  return `${state} entry, type ${swapType}, ${place}`;
}
