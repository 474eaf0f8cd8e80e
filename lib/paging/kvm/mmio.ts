import { bits, hex } from '../bits.js';
import { layout, part, type Layout } from '../bit-field.js';
import { InvalidArgumentError } from '../paging-errors.js';
import { L1TF_SHIFT, spteMasks, type SpteMasks, type SpteOptions } from './options.js';

/** What KVM keeps in an MMIO SPTE (make_mmio_spte in arch/x86/kvm/mmu/spte.c). */
export interface MmioSpte {
  /** Guest-physical address of the page, a multiple of 4096. */
  readonly gpa: bigint;
  /** Write (2) and user (4) rights of the guest's access; always 0 on EPT, whose access mask is 0. */
  readonly access: number;
  /** Memslot generation, 19 bits: an entry of an older one is stale. */
  readonly generation: number;
  /** Bits that differ from what KVM would write for the above; 0 for a good entry. */
  readonly oddBits: bigint;
}

/** The names of an MMIO SPTE's bits. Address bits under an L1TF mask are moved up, and their old places are set. */
export function mmioFields({ l1tf }: SpteMasks): Layout {
  const lowest = l1tf === 0n ? undefined : l1tf.toString(2).length - 5;
  const gpa =
    lowest === undefined
      ? [part(51, 12, 'gpa', 'guest-physical address', 'address')]
      : [
          part(lowest - 1, 12, `gpa ${lowest - 1}:12`, 'guest-physical address, lower bits', 'address'),
          part(lowest + 4, lowest, 'L1TF mask', 'set on a host with the L1TF bug'),
          part(
            lowest + 9,
            lowest + 5,
            `gpa ${lowest + 4}:${lowest}`,
            'guest-physical address, moved up by 5',
          ),
        ];
  return layout([
    part(2, 0, 'mmio value and access', '110b on EPT; P, W and U on NPT'),
    part(10, 3, 'MMIO_SPTE_GEN_LOW', 'memslot generation 7:0'),
    ...gpa,
    part(62, 52, 'MMIO_SPTE_GEN_HIGH', 'memslot generation 18:8'),
  ]);
}

/** Reads the parts of an MMIO SPTE; whether it is one is for the caller to know. */
export function decodeMmio(raw: bigint, masks: SpteMasks): MmioSpte {
  const value = {
    gpa: (raw & masks.lowGpa) | ((raw >> L1TF_SHIFT) & masks.l1tf),
    access: Number(raw & masks.access),
    generation: Number(((raw & bits(10, 3)) >> 3n) | ((raw & bits(62, 52)) >> 44n)),
    oddBits: 0n,
  };
  return { ...value, oddBits: raw ^ compose(value, masks) };
}

/**
 * The MMIO SPTE that KVM writes for a page. With `oddBits` of a decoded entry the result is that entry again.
 *
 * @throws InvalidArgumentError for a GPA that is unaligned or too wide, or a generation of more than 19 bits: such a
 *   value would be stored as something else.
 */
export function encodeMmioSpte(
  value: Omit<MmioSpte, 'oddBits'> & { readonly oddBits?: bigint },
  options: SpteOptions,
): bigint {
  const masks = spteMasks(options);
  if ((value.gpa & ~(masks.lowGpa | masks.l1tf)) !== 0n) {
    throw new InvalidArgumentError(`gpa ${hex(value.gpa)} does not fit an MMIO SPTE of this host.`);
  }
  if (!Number.isInteger(value.generation) || value.generation < 0 || value.generation >= 2 ** 19) {
    throw new InvalidArgumentError(`generation ${value.generation} does not fit 19 bits.`);
  }
  return compose({ ...value, oddBits: value.oddBits ?? 0n }, masks);
}

function compose({ gpa, access, generation, oddBits }: MmioSpte, masks: SpteMasks): bigint {
  const gen = BigInt(generation);
  const spte =
    masks.mmioValue |
    (BigInt(access) & masks.access) |
    ((gen & 0xffn) << 3n) |
    ((gen >> 8n) << 52n) |
    gpa |
    masks.l1tf |
    ((gpa & masks.l1tf) << L1TF_SHIFT);
  return spte ^ oddBits;
}
