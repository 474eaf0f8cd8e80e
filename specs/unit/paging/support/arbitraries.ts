import fc from 'fast-check';
import type { Level } from '../../../../lib/paging/index.js';

/** Any 64-bit value, with single bits and near-empty values more often than chance would give. */
export const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  fc.array(fc.integer({ min: 0, max: 63 }), { maxLength: 8 }).map((positions) => {
    return positions.reduce((value, position) => value | (1n << BigInt(position)), 0n);
  }),
);

export const level: fc.Arbitrary<Level> = fc.constantFrom(1, 2, 3, 4, 5);
export const physicalWidth = fc.integer({ min: 32, max: 52 });
