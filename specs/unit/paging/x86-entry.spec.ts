import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  _PAGE_USER,
  decodeX86Entry,
  encodeX86Entry,
  fieldMask,
  fieldNames,
  InvalidArgumentError,
  type LinuxVersion,
  type X86Options,
} from '../../../lib/paging/index.js';
import { level, physicalWidth, uint64 } from './support/arbitraries.js';
import { isWholeLayout } from './support/layout.js';

const options: fc.Arbitrary<X86Options> = fc
  .record({
    nxe: fc.boolean(),
    maxPhysicalAddress: physicalWidth,
    encryptionMask: fc.constantFrom(0n, 1n << 47n, 1n << 51n),
    gigabytePages: fc.boolean(),
    kernel: fc.constantFrom<LinuxVersion | undefined>('6.1', '6.12', undefined),
  })
  .map(({ kernel, ...rest }) => (kernel === undefined ? rest : { ...rest, kernel }));

test.describe('known entries', () => {
  test('the 4 KiB leaf that a user page has, and what clearing _PAGE_USER makes of it', () => {
    const entry = decodeX86Entry(0x8000_0000_1f0b_a867n, 1, { kernel: '6.1' });
    expect(entry).toMatchObject({
      kind: 'leaf',
      address: 0x1f0b_a000n,
      size: 4096n,
      present: true,
      writable: true,
      user: true,
      writeThrough: false,
      cacheDisable: false,
      accessed: true,
      dirty: true,
      pat: false,
      global: false,
      softw1: false,
      softw2: false,
      softw3: true,
      noExecute: true,
      protectionKey: 0,
      violations: [],
      otherBits: 0n,
    });
    expect(entry.linux).toMatchObject({ state: 'present', softDirty: true, special: false, uffdWp: false });
    expect(encodeX86Entry({ ...entry, user: false })).toBe(0x8000_0000_1f0b_a863n);
    expect(fieldNames(entry.fields, 0x867n ^ 0x863n)).toEqual(['_PAGE_USER']);
    expect(_PAGE_USER).toBe(4n);
  });

  test('0x80000001234567 has bit 55 set and not XD; 0x80000001234563 maps 0x1234000, not 0x1234567000', () => {
    const entry = decodeX86Entry(0x80_0000_0123_4567n, 1);
    expect(entry.noExecute).toBe(false);
    expect(entry.otherBits).toBe(1n << 55n);
    expect(entry.user).toBe(true);
    expect(decodeX86Entry(0x80_0000_0123_4563n, 1).address).toBe(0x123_4000n);
    expect(decodeX86Entry(0x80_0000_0123_4563n, 1).user).toBe(false);
  });

  test('a table address is bits 51:12: XD, PKEY and ignored bits above are no part of it', () => {
    const entry = decodeX86Entry(0xfff0_0000_1234_6067n, 4);
    expect(entry).toMatchObject({ kind: 'table', address: 0x1234_6000n, protectionKey: 0, size: undefined });
  });

  test('PAT is bit 7 of a 4 KiB page and bit 12 of a large one', () => {
    expect(decodeX86Entry(0x1081n, 1)).toMatchObject({ pat: true, large: false, address: 0x1000n });
    expect(decodeX86Entry(0x20_1081n, 2)).toMatchObject({ pat: true, large: true, address: 0x20_0000n });
    expect(decodeX86Entry(0x20_0081n, 2)).toMatchObject({ pat: false, large: true });
    expect(decodeX86Entry(0x4000_1081n, 3)).toMatchObject({
      pat: true,
      address: 0x4000_0000n,
      size: 1n << 30n,
    });
    expect(decodeX86Entry(0x1099n, 1).patIndex).toBe(7);
    expect(decodeX86Entry(0x1009n, 1).patIndex).toBe(1);
    expect(decodeX86Entry(0x1011n, 1).patIndex).toBe(2);
    expect(decodeX86Entry(0x1081n, 1).patIndex).toBe(4);
  });

  test('the address of a large page is aligned even where reserved bits below it are set', () => {
    expect(decodeX86Entry(0x4021_f0e7n, 2).address).toBe(0x4020_0000n);
    expect(decodeX86Entry(0x7fff_f0e7n, 3).address).toBe(0x4000_0000n);
  });

  test('a leaf keeps its protection key in 62:59', () => {
    expect(decodeX86Entry(0x2800_0000_0000_1067n, 1).protectionKey).toBe(5);
    expect(decodeX86Entry(0x7800_0000_0000_1067n, 1).protectionKey).toBe(15);
    expect(decodeX86Entry(0x8000_0000_0000_1067n, 1).protectionKey).toBe(0);
    const names = decodeX86Entry(0x2800_0000_0000_1067n, 1).fields;
    expect(fieldNames(names, 0x2800_0000_0000_0000n)).toEqual(['_PAGE_PKEY_BIT0', '_PAGE_PKEY_BIT2']);
  });

  test("SME's C-bit is part of no address and of no reserved mask", () => {
    const entry = decodeX86Entry((1n << 47n) | 0x1f0b_a067n, 1, {
      encryptionMask: 1n << 47n,
      maxPhysicalAddress: 43,
    });
    expect(entry).toMatchObject({ encrypted: true, address: 0x1f0b_a000n, violations: [] });
    expect(fieldNames(entry.fields, 1n << 47n)).toEqual(['_PAGE_ENC']);
  });
});

test.describe('reserved bits', () => {
  const broken = (raw: bigint, at: 1 | 2 | 3 | 4 | 5, settings: X86Options = {}): bigint =>
    decodeX86Entry(raw, at, settings).violations.reduce((bits, violation) => bits | violation.bits, 0n);

  test('address bits from MAXPHYADDR up', () => {
    expect(broken((1n << 40n) | 0x1067n, 1, { maxPhysicalAddress: 40 })).toBe(1n << 40n);
    expect(broken((1n << 39n) | 0x1067n, 1, { maxPhysicalAddress: 40 })).toBe(0n);
    expect(broken((1n << 51n) | 0x1067n, 4, { maxPhysicalAddress: 51 })).toBe(1n << 51n);
    expect(broken((1n << 51n) | 0x1067n, 4)).toBe(0n);
    expect(broken((1n << 52n) | 0x1067n, 1, { maxPhysicalAddress: 32 })).toBe(0n);
  });

  test('20:13 of a 2 MiB leaf and 29:13 of a 1 GiB leaf, but not PAT at 12', () => {
    expect(broken(0x1f_f0e7n, 2)).toBe(0x1f_e000n);
    expect(broken(0x20_10e7n, 2)).toBe(0n);
    expect(broken(0x3fff_f0e7n, 3)).toBe(0x3fff_e000n);
    expect(broken(0x4000_10e7n, 3)).toBe(0n);
    expect(broken(0x1f_f067n, 2)).toBe(0n);
  });

  test('PS where there is no large page: PML4E, PML5E, and a PDPTE without 1 GiB pages', () => {
    expect(broken(0x10e7n, 4)).toBe(0x80n);
    expect(broken(0x10e7n, 5)).toBe(0x80n);
    expect(broken(0x4000_00e7n, 3, { gigabytePages: false })).toBe(0x80n);
    expect(decodeX86Entry(0x4000_00e7n, 3, { gigabytePages: false }).kind).toBe('table');
    expect(broken(0x10e7n, 1)).toBe(0n);
  });

  test('bit 63 without EFER.NXE, at every level', () => {
    for (const at of [1, 2, 3, 4, 5] as const) {
      expect(broken((1n << 63n) | 0x1067n, at, { nxe: false })).toBe(1n << 63n);
      expect(broken((1n << 63n) | 0x1067n, at, { nxe: true })).toBe(0n);
    }
  });

  test('an entry that is not present breaks no rule', () => {
    expect(broken(0xffff_ffff_ffff_fffen, 4, { nxe: false, maxPhysicalAddress: 32 })).toBe(0n);
    expect(decodeX86Entry(0xffff_ffff_ffff_fffen, 4)).toMatchObject({
      kind: 'not-present',
      address: undefined,
    });
  });

  test('the message names the bits', () => {
    const { violations } = decodeX86Entry(0x1f_f0e7n, 2);
    expect(violations[0]?.message).toBe('reserved bits 20:13 of a PD entry are set (0x1fe000)');
  });
});

test.describe('properties', () => {
  test('encode(decode(x)) = x for every value, level and processor', () => {
    fc.assert(
      fc.property(
        uint64,
        level,
        options,
        (raw, at, settings) => encodeX86Entry(decodeX86Entry(raw, at, settings), settings) === raw,
      ),
      { numRuns: 2000 },
    );
  });

  test('encoding reads the properties and not the raw value', () => {
    fc.assert(
      fc.property(uint64, level, (raw, at) => {
        const entry = decodeX86Entry(raw, at);
        return encodeX86Entry({ ...entry, raw: 0n, user: !entry.user }) === (raw ^ 4n);
      }),
    );
  });

  test('every bit has exactly one name', () => {
    fc.assert(
      fc.property(uint64, level, options, (raw, at, settings) =>
        isWholeLayout(decodeX86Entry(raw, at, settings).fields),
      ),
    );
  });

  test('a present entry breaks a rule exactly if it sets a bit that its layout calls reserved', () => {
    fc.assert(
      fc.property(uint64, level, options, (value, at, settings) => {
        const entry = decodeX86Entry(value | 1n, at, settings);
        const mask = entry.fields
          .filter((field) => field.role === 'reserved')
          .reduce((bits, field) => bits | fieldMask(field), 0n);
        return entry.violations.length > 0 === ((entry.raw & mask) !== 0n);
      }),
    );
  });

  test('otherBits never holds a bit that a property stands for', () => {
    fc.assert(
      fc.property(
        uint64,
        level,
        (raw, at) => (decodeX86Entry(raw, at).otherBits & 0x8000_0000_0000_0f7fn) === 0n,
      ),
    );
  });
});

test('values that are no 64-bit entry and options that no processor has are rejected', () => {
  expect(() => decodeX86Entry(-1n, 1)).toThrow(InvalidArgumentError);
  expect(() => decodeX86Entry(1n << 64n, 1)).toThrow(InvalidArgumentError);
  expect(() => decodeX86Entry(1n, 1, { maxPhysicalAddress: 53 })).toThrow(/32 to 52/);
  expect(() => decodeX86Entry(1n, 1, { maxPhysicalAddress: 31 })).toThrow(/32 to 52/);
  expect(() => decodeX86Entry(1n, 1, { encryptionMask: 1n << 52n })).toThrow(/51:12/);
});
