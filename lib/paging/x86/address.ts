import { ALL_BITS, bits } from '../bits.js';
import { NonCanonicalAddressError } from '../paging-errors.js';
import { addressBits, tableIndex, type Depth } from '../level.js';

/** True if the bits above the translated ones all equal the topmost translated one (63:47, or 63:56 with five levels). */
export function isCanonical(address: bigint, levels: Depth): boolean {
  return address >= 0n && address <= ALL_BITS && signExtend(address, levels) === address;
}

/** Throws NonCanonicalAddressError unless canonical. */
export function assertCanonical(address: bigint, levels: Depth): void {
  if (!isCanonical(address, levels)) throw new NonCanonicalAddressError(address, addressBits(levels));
}

/** The canonical address with the same translated bits. */
export function signExtend(address: bigint, levels: Depth): bigint {
  const width = addressBits(levels);
  const translated = address & bits(width - 1, 0);
  return (translated >> BigInt(width - 1)) & 1n ? translated | bits(63, width) : translated;
}

/** The table indices of an address and the offset into a 4 KiB page. */
export interface AddressParts {
  readonly pml5: number | undefined;
  readonly pml4: number;
  readonly pdpt: number;
  readonly pd: number;
  readonly pt: number;
  readonly offset: number;
}

/**
 * Splits a linear address: `0x7f1234567000` has PML4 254, PDPT 72, PD 418, PT 359.
 * Throws NonCanonicalAddressError.
 */
export function splitAddress(address: bigint, levels: 4 | 5 = 4): AddressParts {
  assertCanonical(address, levels);
  return {
    pml5: levels === 5 ? tableIndex(address, 5) : undefined,
    pml4: tableIndex(address, 4),
    pdpt: tableIndex(address, 3),
    pd: tableIndex(address, 2),
    pt: tableIndex(address, 1),
    offset: Number(address & 0xfffn),
  };
}
