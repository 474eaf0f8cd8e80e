import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  decodeCr3,
  encodeCr3,
  InvalidArgumentError,
  isKptiUserPcid,
  kptiPair,
  memoryTypeOf,
  PAT_AT_RESET,
} from '../../../lib/paging/index.js';
import { uint64 } from './support/arbitraries.js';
import { isWholeLayout } from './support/layout.js';

test('CR3: the base is bits 51:12, the PCID bits 11:0', () => {
  expect(decodeCr3(0x1234_5abcn)).toMatchObject({ base: 0x1234_5000n, pcid: 0xabc, otherBits: 0n });
  expect(decodeCr3(0xfff0_0000_0000_0fffn)).toMatchObject({ base: 0n, pcid: 0xfff });
  expect(decodeCr3(0x000f_ffff_ffff_f000n)).toMatchObject({ base: 0x000f_ffff_ffff_f000n, pcid: 0 });
});

test('without PCIDs bits 3 and 4 are PWT and PCD', () => {
  expect(decodeCr3(0x1008n, { pcide: false })).toMatchObject({
    pcid: undefined,
    writeThrough: true,
    cacheDisable: false,
  });
  expect(decodeCr3(0x1010n, { pcide: false })).toMatchObject({ writeThrough: false, cacheDisable: true });
  expect(decodeCr3(0x1018n)).toMatchObject({ pcid: 0x18, writeThrough: false, cacheDisable: false });
});

test('LAM is in bits 61 and 62', () => {
  expect(decodeCr3((1n << 61n) | 0x1000n)).toMatchObject({ lamU57: true, lamU48: false, base: 0x1000n });
  expect(decodeCr3((1n << 62n) | 0x1000n)).toMatchObject({ lamU57: false, lamU48: true });
});

test('page-table isolation: an 8 KiB pair, kernel copy first, bit 12 selects', () => {
  expect(kptiPair(0x1234_4001n)).toEqual({ kernel: 0x1234_4000n, user: 0x1234_5000n, selected: 'kernel' });
  expect(kptiPair(0x1234_5801n)).toEqual({ kernel: 0x1234_4000n, user: 0x1234_5000n, selected: 'user' });
  expect(kptiPair(0x1234_5001n).selected).toBe('user');
  expect(kptiPair(0x1234_4801n).selected).toBe('kernel');
  expect(kptiPair((1n << 63n) | 0x1234_5801n).user).toBe(0x1234_5000n);
  expect(isKptiUserPcid(0x801)).toBe(true);
  expect(isKptiUserPcid(0x7ff)).toBe(false);
});

test('encode(decode(x)) = x, and every bit has one name', () => {
  fc.assert(
    fc.property(uint64, fc.boolean(), (raw, pcide) => {
      const cr3 = decodeCr3(raw, { pcide });
      return encodeCr3({ ...cr3, raw: 0n }) === raw && isWholeLayout(cr3.fields);
    }),
  );
  expect(() => decodeCr3(-1n)).toThrow(InvalidArgumentError);
});

test('PAT: what Linux sets, and what reset leaves', () => {
  const types = (pat?: bigint) => [0, 1, 2, 3, 4, 5, 6, 7].map((index) => memoryTypeOf(index, pat));
  expect(types()).toEqual(['WB', 'WC', 'UC-', 'UC', 'WB', 'WP', 'UC-', 'WT']);
  expect(types(PAT_AT_RESET)).toEqual(['WB', 'WT', 'UC-', 'UC', 'WB', 'WT', 'UC-', 'UC']);
  expect(memoryTypeOf(0, 0x02n)).toBe('reserved');
  expect(memoryTypeOf(0, 0x0en)).toBe('reserved');
});
