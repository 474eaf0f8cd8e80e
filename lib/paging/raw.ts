import { ALL_BITS, hex } from './bits.js';
import { InvalidArgumentError } from './paging-errors.js';

/** Rejects what does not fit 64 unsigned bits: a negative value, or one with bits above 63. */
export function assertRaw(raw: bigint, what = 'entry'): void {
  if (raw < 0n || raw > ALL_BITS) {
    throw new InvalidArgumentError(`${what} ${hex(raw)} is not an unsigned 64-bit value.`);
  }
}
