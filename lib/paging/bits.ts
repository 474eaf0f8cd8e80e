/** All 64 bits. */
export const ALL_BITS = 0xffff_ffff_ffff_ffffn;

/** The value with only bit `position` (0 to 63) set. */
export function bit(position: number): bigint {
  return 1n << BigInt(position);
}

/** Bits `high` down to `low`, both included, as the manuals write them: `bits(51, 12)`. Empty if `high` < `low`. */
export function bits(high: number, low: number): bigint {
  return high < low ? 0n : ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
}

/** True if bit `position` of `value` is set. */
export function hasBit(value: bigint, position: number): boolean {
  return ((value >> BigInt(position)) & 1n) === 1n;
}

/** Bits `high:low` of `value`, shifted down to bit 0, as a number. At most 53 bits. */
export function field(value: bigint, high: number, low: number): number {
  return Number((value & bits(high, low)) >> BigInt(low));
}

/** `0x1f0ba867`: lower case, no padding. */
export function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** The upper 32 bits of a 64-bit value, as an unsigned number. */
export function highHalf(value: bigint): number {
  return Number(value >> 32n);
}

/** The lower 32 bits of a 64-bit value, as an unsigned number. */
export function lowHalf(value: bigint): number {
  return Number(value & 0xffff_ffffn);
}

/** The 64-bit value of two unsigned halves. */
export function joinHalves(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
