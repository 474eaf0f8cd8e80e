import type { BitField } from '../../paging/bit-field.js';

/** A field's bits, in place. */
export function fieldMask(field: BitField): bigint {
  return ((1n << BigInt(field.high - field.low + 1)) - 1n) << BigInt(field.low);
}

/** True if a field holds any bit of `mask`. */
export function touches(field: BitField, mask: bigint): boolean {
  return (mask & fieldMask(field)) !== 0n;
}

/** The field's value: in place for an address, shifted down to bit 0 for anything else. */
export function valueOf(field: BitField, raw: bigint): bigint {
  const inPlace = raw & fieldMask(field);
  return field.role === 'address' ? inPlace : inPlace >> BigInt(field.low);
}

/** `2`, `51:12`. */
export function bitsOf(field: BitField): string {
  return field.high === field.low ? `${field.low}` : `${field.high}:${field.low}`;
}

/** `_PAGE_USER (bit 2)`. */
export function nameOf(field: BitField): string {
  return `${field.name} (bit${field.high === field.low ? '' : 's'} ${bitsOf(field)})`;
}
