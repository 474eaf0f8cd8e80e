import type { LinuxVersion } from '../x86/linux-bits.js';
import { SPTE_6_1 } from './layout-6.1.js';
import { SPTE_6_12 } from './layout-6.12.js';

/** What differs between KVM versions. All else (spte.h) is the same from 6.1 to 6.12. */
export interface SpteLayout {
  /** An entry that maps nothing. */
  readonly empty: bigint;
  /** An entry that another thread is working on, and what that version calls it. */
  readonly frozen: bigint;
  readonly frozenName: string;
  readonly ept: MmioMask;
  readonly npt: MmioMask;
}

/** An SPTE is an MMIO SPTE if its bits under the mask have the value. */
export interface MmioMask {
  readonly mmioValue: bigint;
  readonly mmioMask: bigint;
}

export const SPTE_LAYOUTS: Readonly<Record<LinuxVersion, SpteLayout>> = {
  '6.1': SPTE_6_1,
  '6.12': SPTE_6_12,
  '6.15': SPTE_6_12,
};
