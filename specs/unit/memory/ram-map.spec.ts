import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { MemoryAccessError, RamMap } from '../../../lib/memory/index.js';
import { parseMemoryTree } from '../../../lib/monitor/parse/memory-tree.js';
import { NotRamError } from '../../../lib/paging/index.js';
import { recorded } from '../monitor/recorded.js';

const range = (start: bigint, last: bigint, type = 'ram', region = 'pc.ram', offset = 0n) => ({
  start,
  last,
  type,
  region,
  offset,
});
const map = new RamMap([
  range(0x0n, 0xfffn),
  range(0x1000n, 0x1fffn, 'rom', 'pc.bios'),
  range(0x2000n, 0x2fffn, 'i/o', 'hpet'),
  range(0x3000n, 0x4fffn),
  range(0x1_0000_0000n, 0x1_0000_0fffn, 'nv-ram', 'dimm'),
  range(0x2_0000_0000n, 0x2_0000_0fffn, 'ramd', 'vfio BAR'),
  range(0x3_0000_0000n, 0x3_0000_0fffn, 'romd', 'flash'),
]);
const cut = (address: bigint, length: number) =>
  map.pieces(address, length).map((piece) => [piece.address, piece.length, piece.at]);
const badAt = (address: bigint, length: number): unknown => {
  try {
    map.pieces(address, length);
  } catch (error) {
    if (error instanceof NotRamError) return error.notRamAt;
    throw error;
  }
  return undefined;
};

test('a read is cut at the borders of ranges', () => {
  expect(cut(0x10n, 8)).toEqual([[0x10n, 8, 0]]);
  expect(cut(0xff8n, 16)).toEqual([
    [0xff8n, 8, 0],
    [0x1000n, 8, 8],
  ]);
  expect(cut(0n, 0x2000)).toEqual([
    [0n, 0x1000, 0],
    [0x1000n, 0x1000, 0x1000],
  ]);
  expect(cut(0x4fffn, 1)).toEqual([[0x4fffn, 1, 0]]);
  expect(cut(0x5000n, 0)).toEqual([]);
});

test('the first address that is not memory is named, and what is there', () => {
  expect(badAt(0x1ff8n, 16)).toBe(0x2000n);
  expect(badAt(0x4ffdn, 4)).toBe(0x5000n);
  expect(badAt(0x2abcn, 1)).toBe(0x2abcn);
  expect(badAt(0x1_0000_0ff9n, 8)).toBe(0x1_0000_1000n);
  expect(badAt(0x2_0000_0000n, 1)).toBe(0x2_0000_0000n);
  expect(badAt(0x3_0000_0000n, 1)).toBe(0x3_0000_0000n);
  expect(badAt((1n << 64n) - 1n, 2)).toBe((1n << 64n) - 1n);
  expect(() => map.pieces(0x2000n, 1)).toThrow(/i\/o of "hpet".*readMmio/);
  expect(() => map.pieces(0x5000n, 1)).toThrow(/nothing is there/);
});

test('what is no address or no length is refused', () => {
  for (const [address, length] of [
    [-1n, 1],
    [1n << 64n, 1],
    [0n, -1],
    [0n, 1.5],
    [0n, Number.NaN],
    [0n, 2 ** 40],
  ] as const) {
    expect(() => map.pieces(address, length)).toThrow(RangeError);
  }
});

test('pieces cover the read exactly, each in its range', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 0x6000n), fc.nat(0x6000), (address, length) => {
      const bad = badAt(address, length);
      if (typeof bad === 'bigint') {
        expect(bad).toBeGreaterThanOrEqual(address);
        expect(bad).toBeLessThan(address + BigInt(length));
        expect(badAt(address, Number(bad - address))).toBeUndefined();
        expect(map.ranges.some(({ start, last }) => bad >= start && bad <= last)).toBe(false);
        return;
      }
      let at = 0;
      for (const piece of map.pieces(address, length)) {
        expect(piece.at).toBe(at);
        expect(piece.address).toBe(address + BigInt(at));
        expect(
          piece.address >= piece.range.start && piece.address + BigInt(piece.length) - 1n <= piece.range.last,
        ).toBe(true);
        at += piece.length;
      }
      expect(at).toBe(length);
    }),
  );
});

test('the map of a real machine: RAM and ROM of the address space "memory"', () => {
  const real = RamMap.of(parseMemoryTree(recorded('mtree-firmware')));
  expect(real.ranges.map(({ region }) => region)).toEqual([
    'pc.ram',
    'pc.ram',
    'pc.ram',
    'pc.ram',
    'pc.ram',
    'pc.bios',
  ]);
  expect(() => real.pieces(0xfed00000n, 8)).toThrow(/hpet/);
  expect(() => RamMap.of(parseMemoryTree('FlatView #0\n AS "I/O", root: io\n'))).toThrow(MemoryAccessError);
});
