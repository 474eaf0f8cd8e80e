import { bits } from '../bits.js';
import { InvalidArgumentError } from '../paging-errors.js';
import type { LinuxVersion } from '../x86/linux-bits.js';
import { SPTE_LAYOUTS, type MmioMask } from './layout.js';

/** What must be known of the host's KVM to read its shadow-page-table entries. */
export interface SpteOptions {
  /** The host's kernel: '6.1', or '6.12' for 6.12 and later. There is no default, since the layout moves. */
  readonly kernel: LinuxVersion;
  /** Which tables: EPT of an Intel host, or NPT of an AMD host. */
  readonly mmu: 'ept' | 'npt';
  /**
   * `shadow_nonpresent_or_rsvd_mask`: five address bits that a host with the L1TF bug sets in MMIO SPTEs (bits 39:35 on
   * one with 40 bits of cache address). GPA bits under it are stored five bits further up. Default 0: not affected.
   */
  readonly l1tfMask?: bigint;
  /**
   * The host's physical address bits, which bound the GPA in an MMIO SPTE (default 52 for EPT, 51 for NPT) and the addresses in the
   * others (default 52: none is too wide).
   */
  readonly physicalBits?: number;
  /** The MMIO mask and value of an NPT host with SME, whose C-bit shifts them (svm_adjust_mmio_mask). */
  readonly nptMmioMask?: bigint;
}

/** How many bits the GPA is moved up under the L1TF mask (SHADOW_NONPRESENT_OR_RSVD_MASK_LEN). */
export const L1TF_SHIFT = 5n;

/** The masks that follow from the options. */
export interface SpteMasks extends MmioMask {
  readonly l1tf: bigint;
  /** GPA bits that stay where they are (`shadow_nonpresent_or_rsvd_lower_gfn_mask`). */
  readonly lowGpa: bigint;
  /** Rights that an MMIO SPTE keeps: W and U on NPT, none on EPT (`shadow_mmio_access_mask`). */
  readonly access: bigint;
}

/** Works out the masks. Throws InvalidArgumentError for an L1TF mask that KVM never makes. */
export function spteMasks(options: SpteOptions): SpteMasks {
  const l1tf = options.l1tfMask ?? 0n;
  const layout = SPTE_LAYOUTS[options.kernel];
  const lowest = l1tf === 0n ? undefined : l1tf.toString(2).length - 5;
  if (lowest !== undefined && (l1tf !== bits(lowest + 4, lowest) || lowest < 12 || lowest + 9 > 51)) {
    throw new InvalidArgumentError(
      'l1tfMask must be five neighbouring bits with room for five more below bit 52.',
    );
  }
  const npt = options.mmu === 'npt';
  const physicalBits = options.physicalBits ?? (npt ? 51 : 52);
  const custom = npt ? options.nptMmioMask : undefined;
  const { mmioMask, mmioValue } =
    custom === undefined ? layout[options.mmu] : { mmioMask: custom, mmioValue: custom };
  if ((mmioValue & (l1tf << L1TF_SHIFT)) !== 0n) {
    throw new InvalidArgumentError(
      'l1tfMask moves GPA bits onto the MMIO value: KVM keeps no MMIO SPTEs on such a host.',
    );
  }
  return {
    mmioMask,
    mmioValue,
    l1tf,
    lowGpa: bits((lowest ?? physicalBits) - 1, 12) & ~mmioMask,
    access: npt ? 0b110n : 0n,
  };
}
