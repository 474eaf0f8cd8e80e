import { bits, field, hasBit } from '../bits.js';
import { flag, layout, part, type Decoded, type Layout } from '../bit-field.js';
import type { Depth } from '../level.js';
import { assertRaw } from '../raw.js';

/**
 * What happens to a device's requests (VT-d specification, context entry, TT). 'second-level' and 'device-tlb' walk the
 * tables; 'pass-through' uses the address as it is.
 */
export type TranslationType = 'second-level' | 'device-tlb' | 'pass-through' | 'reserved';

const TYPES: readonly TranslationType[] = ['second-level', 'device-tlb', 'pass-through', 'reserved'];

/** A decoded context entry of legacy mode: 16 bytes per device and function. */
export interface ContextEntry extends Decoded {
  readonly type: 'vtd-context';
  readonly present: boolean;
  /** Faults of this device are not recorded. */
  readonly faultProcessingDisable: boolean;
  readonly translationType: TranslationType;
  /** Physical address of the top second-level table. */
  readonly table: bigint;
  /** Bits 66:64 as they are. */
  readonly addressWidth: number;
  /** Levels of the second-level tables; undefined if the address width is none that exists. */
  readonly levels: Depth | undefined;
  /** Domain, 0 to 65535: bits 87:72. */
  readonly domain: number;
  /** Bits 127:64. */
  readonly high: bigint;
  readonly highFields: Layout;
  /** Set bits of the lower and upper half that no property above stands for. */
  readonly otherBits: bigint;
  readonly otherHighBits: bigint;
}

/** Reserved in the lower half: bits 11:4, and address bits above the host's width (VT-d rev 4.1, 9.3). */
export function reservedContextBits(hostAddressWidth: number): { low: bigint; high: bigint } {
  // Bit 71 and bits 127:88; 70:67 are for software. QEMU: VTD_CONTEXT_ENTRY_RSVD_LO and _HI (hw/i386/intel_iommu_internal.h).
  return { low: bits(11, 4) | bits(63, hostAddressWidth), high: bits(7, 7) | bits(63, 24) };
}

const LOW_FIELDS = layout([
  flag(0, 'P', 'the device has tables'),
  flag(1, 'FPD', 'faults are not recorded'),
  part(3, 2, 'TT', 'translation type: 0 second level, 1 with device TLB, 2 pass-through'),
  part(63, 12, 'SLPTPTR', 'physical address of the second-level tables', 'address'),
]);
const HIGH_FIELDS = layout([
  part(2, 0, 'AW', 'address width: 1 is 39 bits, 2 is 48, 3 is 57'),
  part(23, 8, 'DID', 'domain'),
]);

/** AW 1, 2 and 3 mean three, four and five levels. */
function levelsOf(addressWidth: number): Depth | undefined {
  return addressWidth >= 1 && addressWidth <= 3 ? ((addressWidth + 2) as Depth) : undefined;
}

/** Decodes a context entry from its two halves. */
export function decodeContextEntry(low: bigint, high: bigint): ContextEntry {
  assertRaw(low, 'context entry');
  assertRaw(high, 'context entry');
  const addressWidth = field(high, 2, 0);
  return {
    type: 'vtd-context',
    raw: low,
    fields: LOW_FIELDS,
    present: hasBit(low, 0),
    faultProcessingDisable: hasBit(low, 1),
    translationType: TYPES[field(low, 3, 2)] ?? 'reserved',
    table: low & bits(63, 12),
    addressWidth,
    levels: levelsOf(addressWidth),
    domain: field(high, 23, 8),
    high,
    highFields: HIGH_FIELDS,
    otherBits: low & bits(11, 4),
    otherHighBits: high & ~(bits(2, 0) | bits(23, 8)),
  };
}

/** Composes the two halves of a context entry. */
export function encodeContextEntry(entry: ContextEntry): { low: bigint; high: bigint } {
  return {
    low:
      (entry.present ? 1n : 0n) |
      (entry.faultProcessingDisable ? 2n : 0n) |
      (BigInt(TYPES.indexOf(entry.translationType)) << 2n) |
      entry.table |
      entry.otherBits,
    high: BigInt(entry.addressWidth) | (BigInt(entry.domain) << 8n) | entry.otherHighBits,
  };
}
