import { bit, bits } from '../bits.js';
import type { SpteLayout } from './layout.js';

/** SPTEs of Linux 6.1: arch/x86/kvm/mmu/spte.h and spte.c (kvm_mmu_set_ept_masks, kvm_mmu_reset_all_pte_masks). */
export const SPTE_6_1: SpteLayout = {
  empty: 0n,
  /** REMOVED_SPTE: another thread is taking the entry out. */
  frozen: 0x5a0n,
  frozenName: 'REMOVED_SPTE',
  ept: { mmioValue: 0b110n, mmioMask: bits(2, 0) },
  npt: { mmioValue: bit(51) | bit(0), mmioMask: bit(51) | bit(0) },
};
