import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  decodeX86Entry,
  fieldNames,
  linuxVersionOf,
  type LinuxMeaning,
  type LinuxVersion,
} from '../../../lib/paging/index.js';
import { level, uint64 } from './support/arbitraries.js';

function meaning(raw: bigint, kernel: LinuxVersion, at: 1 | 2 | 3 = 1): LinuxMeaning | undefined {
  return decodeX86Entry(raw, at, { kernel }).linux;
}

test('software bits moved between 6.1 and 6.12', () => {
  const bit57 = (1n << 57n) | 0x1067n;
  const bit58 = (1n << 58n) | 0x1067n;
  expect(meaning(bit58, '6.1')).toMatchObject({ devmap: true, savedDirty: false });
  expect(meaning(bit57, '6.1')).toMatchObject({ devmap: false, savedDirty: false });
  expect(meaning(bit57, '6.12')).toMatchObject({ devmap: true, savedDirty: false });
  expect(meaning(bit58, '6.12')).toMatchObject({ devmap: false, savedDirty: true });
});

test('and their names with them', () => {
  const names = (kernel: LinuxVersion) =>
    fieldNames(decodeX86Entry(0x1067n, 1, { kernel }).fields, (1n << 57n) | (1n << 58n));
  expect(names('6.1')).toEqual(['ignored', '_PAGE_SOFTW4']);
  expect(names('6.12')).toEqual(['_PAGE_SOFTW4', '_PAGE_SOFTW5']);
});

test('the bits that did not move: SPECIAL 9, UFFD_WP 10, SOFT_DIRTY 11', () => {
  for (const kernel of ['6.1', '6.12'] as const) {
    expect(meaning(0x1201n, kernel)).toMatchObject({ special: true, uffdWp: false, softDirty: false });
    expect(meaning(0x1401n, kernel)).toMatchObject({ special: false, uffdWp: true, softDirty: false });
    expect(meaning(0x1801n, kernel)).toMatchObject({ special: false, uffdWp: false, softDirty: true });
  }
});

test('zero is an empty entry', () => {
  expect(meaning(0n, '6.1')).toEqual({ kernel: '6.1', state: 'empty' });
});

test('PROT_NONE is bit 8 with P clear, and the address is stored inverted', () => {
  // What pte_modify() leaves of a page at 0x1f0ba000 after mprotect(PROT_NONE).
  const raw = (~0x1f0b_a000n & 0x000f_ffff_ffff_f000n) | 0x8000_0000_0000_0120n;
  const entry = decodeX86Entry(raw, 1, { kernel: '6.1' });
  expect(entry).toMatchObject({ kind: 'not-present', address: undefined });
  expect(entry.linux).toMatchObject({ state: 'prot-none', physicalAddress: 0x1f0b_a000n });
  expect(fieldNames(entry.fields, 1n << 8n)).toEqual(['_PAGE_PROTNONE']);
});

test('bit 8 of a present entry is global, and its address is not inverted', () => {
  const entry = decodeX86Entry(0x1f0b_a121n, 1, { kernel: '6.1' });
  expect(entry.linux).toMatchObject({ state: 'present', physicalAddress: 0x1f0b_a000n });
  expect(fieldNames(entry.fields, 1n << 8n)).toEqual(['_PAGE_GLOBAL']);
});

test('a huge PROT_NONE entry loses the bits below its alignment', () => {
  const raw = (~0x4020_0000n & 0x000f_ffff_ffe0_0000n) | 0x1f_e1a0n;
  expect(meaning(raw, '6.1', 2)).toMatchObject({ state: 'prot-none', physicalAddress: 0x4020_0000n });
});

test('a huge entry that is being split has only bit 7 left of its present bits', () => {
  const raw = (~0x4020_0000n & 0x000f_ffff_ffe0_0000n) | 0x80n;
  expect(meaning(raw, '6.1', 2)).toMatchObject({ state: 'invalidated', physicalAddress: 0x4020_0000n });
  expect(meaning(raw, '6.1', 1)).toMatchObject({ state: 'swap' });
});

test('a swap entry: type in 63:59, inverted offset in 58:9, flags in 3:1', () => {
  const encode = (type: bigint, offset: bigint, low: bigint) =>
    (type << 59n) | ((~offset & ((1n << 50n) - 1n)) << 9n) | low;
  expect(meaning(encode(3n, 0x1234n, 0b0010n), '6.1')).toEqual({
    kernel: '6.1',
    state: 'swap',
    swapType: 3,
    swapOffset: 0x1234n,
    softDirty: true,
    uffdWp: false,
    exclusive: false,
  });
  expect(meaning(encode(31n, 0n, 0b1100n), '6.12')).toMatchObject({
    state: 'marker',
    swapType: 31,
    swapOffset: 0n,
    softDirty: false,
    uffdWp: true,
    exclusive: true,
  });
});

test('the version of a release', () => {
  const versions = ['5.10.0', '6.1.0-50-amd64', '6.5.13', '6.6.1', '6.12.95+deb12', '6.15-rc1', '7.3.4'].map(
    linuxVersionOf,
  );
  expect(versions).toEqual(['6.1', '6.1', '6.1', '6.12', '6.12', '6.15', '6.15']);
});

test('every value has a meaning, and it agrees with the P bit', () => {
  fc.assert(
    fc.property(uint64, level, fc.constantFrom<LinuxVersion>('6.1', '6.12'), (raw, at, kernel) => {
      const { linux, present } = decodeX86Entry(raw, at, { kernel });
      return (linux?.state === 'present') === present && (linux?.state === 'empty') === (raw === 0n);
    }),
  );
});
