import type { AddressSpace } from '../format.js';
import { addressBits } from '../level.js';

/**
 * The page number at which addresses jump: the first one of the upper half, if the format sign-extends. The page before
 * it is a neighbour by number only. −1 if there is no such jump.
 */
export function firstUpperPage({ format, levels }: AddressSpace): number {
  const half = 1n << BigInt(addressBits(levels) - 1);
  return format.fullAddress(half, levels) === half ? -1 : Number(half >> 12n);
}
