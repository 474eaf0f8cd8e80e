import { bit, bits } from '../bits.js';
import type { SpteLayout } from './layout.js';

/**
 * SPTEs of Linux 6.12 and later: the same files. TDX needs empty entries to suppress #VE, so bit 63 is set in every entry
 * but an MMIO one (SHADOW_NONPRESENT_VALUE, FROZEN_SPTE), and an MMIO SPTE of EPT is 110b with bit 63 clear.
 */
export const SPTE_6_12: SpteLayout = {
  empty: bit(63),
  frozen: bit(63) | 0x5a0n,
  frozenName: 'FROZEN_SPTE',
  ept: { mmioValue: 0b110n, mmioMask: bits(2, 0) | bit(63) },
  npt: { mmioValue: bit(51) | bit(0), mmioMask: bit(51) | bit(0) },
};
