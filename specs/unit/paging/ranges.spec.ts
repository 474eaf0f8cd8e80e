import { expect, test } from '@playwright/test';
import {
  mappedRanges,
  rightsText,
  scanSync,
  x86Space,
  type RangeOptions,
} from '../../../lib/paging/index.js';
import { TableBuilder } from './support/table-builder.js';

function rangesOf(fill: (tables: TableBuilder) => void, options?: RangeOptions) {
  const tables = new TableBuilder();
  fill(tables);
  const scan = scanSync(tables.memory, x86Space({ cr3: tables.root }));
  return mappedRanges(scan, options).map((range) => [
    range.start,
    range.end,
    range.mappings,
    range.contiguous,
    rightsText(range.effectiveRights),
  ]);
}

test('neighbours with the same rights join, wherever their frames are', () => {
  const fill = (tables: TableBuilder) => {
    tables.map(0x1000n, 0x5067n);
    tables.map(0x2000n, 0x6067n);
    tables.map(0x3000n, 0x9067n);
  };
  expect(rangesOf(fill)).toEqual([[0x1000n, 0x4000n, 3, false, 'rwxu']]);
  expect(rangesOf(fill, { contiguous: true })).toEqual([
    [0x1000n, 0x3000n, 2, true, 'rwxu'],
    [0x3000n, 0x4000n, 1, true, 'rwxu'],
  ]);
});

test('a gap, other rights, and another page size separate', () => {
  expect(
    rangesOf((tables) => {
      tables.map(0x1000n, 0x5067n);
      tables.map(0x3000n, 0x6067n);
      tables.map(0x4000n, 0x7063n);
      tables.map(0x5000n, 0x8000_0000_0000_8061n);
      tables.map(0x1f_f000n, 0x1f_f061n);
      tables.map(0x20_0000n, 0x20_00e1n, 2);
      tables.map(0x40_0000n, 0x40_00e1n, 2);
    }),
  ).toEqual([
    [0x1000n, 0x2000n, 1, true, 'rwxu'],
    [0x3000n, 0x4000n, 1, true, 'rwxu'],
    [0x4000n, 0x5000n, 1, true, 'rwx-'],
    [0x5000n, 0x6000n, 1, true, 'r---'],
    [0x1f_f000n, 0x20_0000n, 1, true, 'r-x-'],
    [0x20_0000n, 0x60_0000n, 2, true, 'r-x-'],
  ]);
});

test('leaf rights separate even where the effective ones agree', () => {
  expect(
    rangesOf((tables) => {
      tables.map(0x1000n, 0x5067n);
      tables.map(0x2000n, 0x6063n);
      const pd = tables.entryAddress(0x1000n, 2);
      tables.memory.write64(pd, tables.memory.read64(pd) & ~4n);
    }),
  ).toEqual([
    [0x1000n, 0x2000n, 1, true, 'rwx-'],
    [0x2000n, 0x3000n, 1, true, 'rwx-'],
  ]);
});

test('bits that must agree, low and high', () => {
  const fill = (tables: TableBuilder) => {
    tables.map(0x1000n, 0x5067n);
    tables.map(0x2000n, 0x6027n);
    tables.map(0x3000n, (1n << 58n) | 0x7027n);
  };
  expect(rangesOf(fill)).toHaveLength(1);
  expect(rangesOf(fill, { sameBits: 0x40n })).toHaveLength(2);
  expect(rangesOf(fill, { sameBits: 1n << 58n })).toHaveLength(2);
  expect(rangesOf(fill, { sameBits: (1n << 58n) | 0x40n })).toHaveLength(3);
});

test('the hole between the halves separates, and the top of the address space is 2^64', () => {
  const ranges = rangesOf((tables) => {
    tables.map(0x7fff_ffff_f000n, 0x5067n);
    tables.map(0xffff_8000_0000_0000n, 0x6067n);
    tables.map(0xffff_ffff_ffff_f000n, 0x7067n);
  });
  expect(ranges.map(([start, end]) => [start, end])).toEqual([
    [0x7fff_ffff_f000n, 0x8000_0000_0000n],
    [0xffff_8000_0000_0000n, 0xffff_8000_0000_1000n],
    [0xffff_ffff_ffff_f000n, 1n << 64n],
  ]);
});

test('an empty space has no ranges', () => {
  expect(rangesOf(() => undefined)).toEqual([]);
});
