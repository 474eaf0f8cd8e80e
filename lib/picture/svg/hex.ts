/** A raw 64-bit value with all its digits: values under one another can be compared digit by digit. */
export function hex64(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16).padStart(16, '0')}`;
}

/** An address as kernel logs write it: no padding. */
export function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
