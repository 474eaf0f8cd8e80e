import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  addressBits,
  isCanonical,
  levelName,
  levelSize,
  NonCanonicalAddressError,
  signExtend,
  splitAddress,
  tableIndex,
} from '../../../lib/paging/index.js';
import { uint64 } from './support/arbitraries.js';

test('0x7f1234567000 has the indices 254, 72, 418, 359', () => {
  expect(splitAddress(0x7f12_3456_7000n)).toEqual({
    pml5: undefined,
    pml4: 254,
    pdpt: 72,
    pd: 418,
    pt: 359,
    offset: 0,
  });
  expect(splitAddress(0x7f12_3456_7abcn, 5)).toMatchObject({ pml5: 0, pml4: 254, offset: 0xabc });
});

test('the ends of both halves, with four and with five levels', () => {
  expect(isCanonical(0x0000_7fff_ffff_ffffn, 4)).toBe(true);
  expect(isCanonical(0x0000_8000_0000_0000n, 4)).toBe(false);
  expect(isCanonical(0xffff_7fff_ffff_ffffn, 4)).toBe(false);
  expect(isCanonical(0xffff_8000_0000_0000n, 4)).toBe(true);
  expect(isCanonical(0x0000_8000_0000_0000n, 5)).toBe(true);
  expect(isCanonical(0x00ff_ffff_ffff_ffffn, 5)).toBe(true);
  expect(isCanonical(0x0100_0000_0000_0000n, 5)).toBe(false);
  expect(isCanonical(0xff00_0000_0000_0000n, 5)).toBe(true);
  expect(isCanonical(0xfeff_ffff_ffff_ffffn, 5)).toBe(false);
  expect(isCanonical(-1n, 4)).toBe(false);
  expect(isCanonical(1n << 64n, 4)).toBe(false);
});

test('a non-canonical address is a typed error that says which bits and what to do', () => {
  expect(() => splitAddress(0x0000_8000_0000_0000n)).toThrow(NonCanonicalAddressError);
  expect(() => splitAddress(0x0000_8000_0000_0000n)).toThrow(
    '0x800000000000 is not canonical for 48-bit linear addresses: bits 63:47 must all be equal. ' +
      'The tables have four levels; five, of 57 bits, are there where CR4.LA57 is set. ' +
      'Check for a truncated or corrupted address.',
  );
  expect(() => splitAddress(0x0100_0000_0000_0000n, 5)).toThrow(/57-bit.*63:56/);
});

test('sign extension keeps the translated bits and makes the address canonical', () => {
  fc.assert(
    fc.property(uint64, fc.constantFrom(4, 5), (address, levels) => {
      const extended = signExtend(address, levels);
      const mask = (1n << BigInt(addressBits(levels))) - 1n;
      return (
        (extended & mask) === (address & mask) &&
        isCanonical(extended, levels) &&
        isCanonical(address, levels) === (extended === address)
      );
    }),
  );
});

test('the indices put the address together again', () => {
  fc.assert(
    fc.property(uint64, (value) => {
      const address = signExtend(value, 5);
      const { pml5 = 0, pml4, pdpt, pd, pt, offset } = splitAddress(address, 5);
      const joined =
        (BigInt(pml5) << 48n) |
        (BigInt(pml4) << 39n) |
        (BigInt(pdpt) << 30n) |
        (BigInt(pd) << 21n) |
        (BigInt(pt) << 12n) |
        BigInt(offset);
      return signExtend(joined, 5) === address;
    }),
  );
});

test('levels have names, sizes and index positions', () => {
  expect(([1, 2, 3, 4, 5] as const).map(levelName)).toEqual(['PT', 'PD', 'PDPT', 'PML4', 'PML5']);
  expect(([1, 2, 3] as const).map(levelSize)).toEqual([4096n, 2n << 20n, 1n << 30n]);
  expect(tableIndex(0x01ff_0000_0000_0000n, 5)).toBe(511);
  expect(([3, 4, 5] as const).map(addressBits)).toEqual([39, 48, 57]);
});
