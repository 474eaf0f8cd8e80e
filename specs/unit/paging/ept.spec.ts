import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  decodeEptEntry,
  decodeEptp,
  encodeEptEntry,
  encodeEptp,
  EPT_VPID_CAP,
  eptOptionsFrom,
  eptSpace,
  InvalidArgumentError,
  scanSync,
  walkSync,
  type EptOptions,
  type Level,
} from '../../../lib/paging/index.js';
import { level, physicalWidth, uint64 } from './support/arbitraries.js';
import { isWholeLayout } from './support/layout.js';
import { TableBuilder } from './support/table-builder.js';

const rulesOf = (raw: bigint, at: Level, options?: EptOptions) =>
  decodeEptEntry(raw, at, options).violations.map((violation) => violation.rule);

test.describe('known entries', () => {
  test('a RAM leaf as KVM writes it', () => {
    expect(decodeEptEntry(0x600_0000_0163_fb77n, 1)).toMatchObject({
      kind: 'leaf',
      address: 0x163_f000n,
      size: 4096n,
      read: true,
      write: true,
      execute: true,
      memoryType: 'WB',
      ignorePat: true,
      accessed: true,
      dirty: true,
      userExecute: false,
      suppressVe: false,
      violations: [],
    });
  });

  test('a table', () => {
    expect(decodeEptEntry(0x1234_5907n, 4)).toMatchObject({
      kind: 'table',
      address: 0x1234_5000n,
      violations: [],
    });
  });

  test('an MMIO SPTE is a misconfiguration: 110b', () => {
    const entry = decodeEptEntry(0xf8_000b_0046n, 1);
    expect(entry.present).toBe(true);
    expect(entry.violations).toEqual([
      {
        rule: 'write-without-read',
        bits: 6n,
        message: 'bits 2:0 are 110b: writes are permitted but reads are not',
      },
    ]);
  });

  test('the memory attributes of a 2 MiB leaf do not reach into its address, which begins at bit 21', () => {
    expect(decodeEptEntry(0x4020_00b7n, 2)).toMatchObject({
      kind: 'leaf',
      address: 0x4020_0000n,
      memoryType: 'WB',
      large: true,
      ignorePat: false,
      violations: [],
    });
  });

  test('the address of a large leaf is aligned even where reserved bits below it are set', () => {
    expect(decodeEptEntry(0x4021_f0b7n, 2).address).toBe(0x4020_0000n);
    expect(decodeEptEntry(0x7fff_f0b7n, 3).address).toBe(0x4000_0000n);
  });

  test('memory types by number', () => {
    const types = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map(
      (type) => decodeEptEntry(0x1007n | (type << 3n), 1).memoryType,
    );
    expect(types).toEqual(['UC', 'WC', 'reserved', 'reserved', 'WT', 'WP', 'WB', 'reserved']);
    expect(decodeEptEntry(0x1007n, 2).memoryType).toBeUndefined();
  });

  test('suppress #VE is bit 63, user execute bit 10', () => {
    expect(decodeEptEntry((1n << 63n) | 0x1007n, 1)).toMatchObject({
      suppressVe: true,
      userExecute: false,
      violations: [],
    });
    expect(decodeEptEntry(0x1407n, 1)).toMatchObject({ suppressVe: false, userExecute: true });
  });
});

test.describe('presence', () => {
  test('000b is not present whatever the other bits', () => {
    expect(decodeEptEntry(0x8000_0000_0000_0ff8n, 1)).toMatchObject({
      kind: 'not-present',
      present: false,
      violations: [],
    });
  });

  test('with mode-based execute control bit 10 alone makes it present', () => {
    expect(decodeEptEntry(0x1430n, 1, { modeBasedExecute: true })).toMatchObject({
      kind: 'leaf',
      violations: [],
    });
    expect(decodeEptEntry(0x1430n, 1).kind).toBe('not-present');
  });
});

test.describe('misconfigurations', () => {
  test('which of the eight rights are legal', () => {
    const legal = (options: EptOptions, at: Level) =>
      [1n, 2n, 3n, 4n, 5n, 6n, 7n].filter((rights) => rulesOf(0x1000n | rights, at, options).length === 0);
    for (const at of [1, 2, 3, 4, 5] as const) {
      expect(legal({ executeOnly: true }, at)).toEqual([1n, 3n, 4n, 5n, 7n]);
      expect(legal({ executeOnly: false }, at)).toEqual([1n, 3n, 5n, 7n]);
    }
    expect(rulesOf(0x1002n, 1)).toEqual(['write-without-read']);
    expect(rulesOf(0x1004n, 1, { executeOnly: false })).toEqual(['execute-only-unsupported']);
  });

  test('reserved memory types, in leaves only', () => {
    for (const type of [2n, 3n, 7n]) {
      expect(rulesOf(0x1007n | (type << 3n), 1)).toEqual(['memory-type']);
      expect(rulesOf(0x20_0087n | (type << 3n), 2)).toEqual(['memory-type']);
    }
    for (const type of [0n, 1n, 4n, 5n, 6n]) expect(rulesOf(0x1007n | (type << 3n), 1)).toEqual([]);
  });

  test('reserved bits per level', () => {
    const reservedAt = (at: Level, base: bigint, options?: EptOptions) => {
      let mask = 0n;
      for (let position = 3n; position < 64n; position += 1n) {
        const { kind, violations } = decodeEptEntry(base | (1n << position), at, options);
        const same = kind === decodeEptEntry(base, at, options).kind;
        if (same && violations.some((violation) => violation.rule === 'reserved-bits'))
          mask |= 1n << position;
      }
      return mask;
    };
    const options = { maxPhysicalAddress: 46 };
    const high = 0x000f_c000_0000_0000n;
    expect(reservedAt(5, 7n, options)).toBe(high | 0xf8n);
    expect(reservedAt(4, 7n, options)).toBe(high | 0xf8n);
    expect(reservedAt(3, 7n, options)).toBe(high | 0x78n);
    expect(reservedAt(2, 7n, options)).toBe(high | 0x78n);
    expect(reservedAt(1, 7n, options)).toBe(high);
    expect(reservedAt(3, 0x87n, options)).toBe(high | 0x3fff_f000n);
    expect(reservedAt(2, 0x87n, options)).toBe(high | 0x1f_f000n);
    expect(reservedAt(3, 7n, { ...options, gigabytePages: false })).toBe(high | 0xf8n);
    expect(reservedAt(1, 7n)).toBe(0n);
  });

  test('several broken rules are all named', () => {
    expect(rulesOf((1n << 51n) | 0x103an, 1, { maxPhysicalAddress: 51 })).toEqual([
      'write-without-read',
      'memory-type',
      'reserved-bits',
    ]);
  });
});

test('encode(decode(x)) = x, every bit has one name, and decoding agrees with the walk engine', () => {
  const options = fc.record({
    maxPhysicalAddress: physicalWidth,
    executeOnly: fc.constant(true),
    modeBasedExecute: fc.boolean(),
    gigabytePages: fc.boolean(),
  });
  fc.assert(
    fc.property(uint64, level, options, (raw, at, settings) => {
      const entry = decodeEptEntry(raw, at, settings);
      return encodeEptEntry({ ...entry, raw: 0n }) === raw && isWholeLayout(entry.fields);
    }),
    { numRuns: 1000 },
  );
});

test('a walk stops at a misconfiguration with its reason, and a scan reports it', () => {
  const tables = new TableBuilder({ tableFlags: 0x907n });
  tables.map(0xb_0000n, 0xf8_000b_0046n);
  tables.map(0xc_0000n, 0x600_0000_0163_fb77n);
  tables.map(0xd_0000n, 0x1000n);
  const space = eptSpace({ eptp: tables.root | 0x5en });
  expect(space).toMatchObject({ root: tables.root, levels: 4 });
  expect(walkSync(tables.memory, space, 0xb_0000n)).toMatchObject({
    mapped: false,
    format: 'ept',
    fault: { reason: 'misconfiguration', level: 1, raw: 0xf8_000b_0046n },
  });
  expect(walkSync(tables.memory, space, 0xc_0123n)).toMatchObject({
    mapped: true,
    physicalAddress: 0x163_f123n,
    effectiveRights: { read: true, write: true, execute: true, user: true, userExecute: true },
  });
  expect(walkSync(tables.memory, space, 0xd_0000n)).toMatchObject({ fault: { reason: 'not-present' } });
  const scanned = scanSync(tables.memory, space);
  expect(scanned.length).toBe(1);
  expect(scanned.problems).toMatchObject([{ reason: 'misconfiguration', address: 0xb_0000n }]);
});

test('rights: each of R, W, X alone, and user execution by bit 10 only with mode-based control', () => {
  const rightsOf = (leaf: bigint, modeBasedExecute = false) => {
    const tables = new TableBuilder({ tableFlags: 0x407n });
    tables.map(0n, leaf);
    const result = walkSync(tables.memory, eptSpace({ eptp: tables.root | 0x1en, modeBasedExecute }), 0n);
    return result.mapped ? result.effectiveRights : undefined;
  };
  expect(rightsOf(0x1001n)).toEqual({
    read: true,
    write: false,
    execute: false,
    user: true,
    userExecute: false,
  });
  expect(rightsOf(0x1003n)).toMatchObject({ read: true, write: true, execute: false });
  expect(rightsOf(0x1004n)).toMatchObject({ read: false, write: false, execute: true, userExecute: true });
  expect(rightsOf(0x1001n, true)).toMatchObject({ execute: false, userExecute: false });
  expect(rightsOf(0x1401n, true)).toMatchObject({ execute: false, userExecute: true });
  expect(rightsOf(0x1005n, true)).toMatchObject({ execute: true, userExecute: false });
  expect(rightsOf(0x1401n, false)).toMatchObject({ execute: false, userExecute: false });
});

test('an identity map of 512 GiB: memnum reaching 1 << 18 pages of 2 MiB is 512 GiB in 514 tables', () => {
  const tables = new TableBuilder({ tableFlags: 7n });
  const pdpt = tables.newTable();
  tables.set(tables.root, 0, pdpt | 7n);
  for (let j = 0; j < 512; j += 1) {
    const pd = tables.newTable();
    tables.set(pdpt, j, pd | 7n);
    for (let k = 0; k < 512; k += 1) tables.set(pd, k, (BigInt(j * 512 + k) << 21n) | 0xb7n);
  }
  const result = scanSync(tables.memory, eptSpace({ eptp: tables.root | 0x1en }));
  expect(result).toMatchObject({ tablesRead: 514, length: 1 << 18, complete: true });
  expect(result.at(result.length - 1)).toMatchObject({ address: (512n << 30n) - (2n << 20n), level: 2 });
});

test('EPTP: memory type, walk length, A/D, root', () => {
  expect(decodeEptp(0x1234_505en)).toMatchObject({
    memoryType: 'WB',
    walkLength: 4,
    accessDirty: true,
    root: 0x1234_5000n,
    problems: [],
  });
  expect(decodeEptp(0x1234_5026n)).toMatchObject({ walkLength: 5, accessDirty: false, problems: [] });
  expect(decodeEptp(0x1018n)).toMatchObject({ memoryType: 'UC', problems: [] });
  expect(decodeEptp(0x101cn).problems).toEqual(['memory type 4 is not UC or WB']);
  expect(decodeEptp(0x1016n).problems).toEqual(['a walk of 3 levels does not exist']);
  expect(decodeEptp(0x111en).problems).toEqual(['reserved bits are set']);
  expect(decodeEptp((1n << 52n) | 0x101en)).toMatchObject({
    root: 0x1000n,
    problems: ['reserved bits are set'],
  });
  expect(eptSpace({ eptp: 0x1234_5026n }).levels).toBe(5);
  expect(eptSpace({ eptp: 0x1234_5000n, levels: 5 }).levels).toBe(5);
  fc.assert(
    fc.property(
      uint64,
      (raw) => encodeEptp(decodeEptp(raw)) === raw && isWholeLayout(decodeEptp(raw).fields),
    ),
  );
});

test('IA32_VMX_EPT_VPID_CAP settles the decoder’s options', () => {
  const bits = [
    ['executeOnly', 0],
    ['walkLength4', 6],
    ['walkLength5', 7],
    ['uncacheable', 8],
    ['writeBack', 14],
    ['pages2M', 16],
    ['pages1G', 17],
    ['accessDirty', 21],
  ] as const;
  for (const [property, position] of bits) {
    const cap = EPT_VPID_CAP.decode(1n << BigInt(position));
    expect(Object.entries(cap).filter(([, value]) => value === true)).toEqual([[property, true]]);
  }
  expect(eptOptionsFrom(EPT_VPID_CAP.decode(1n << 17n))).toEqual({ executeOnly: false, gigabytePages: true });
  expect(eptOptionsFrom(EPT_VPID_CAP.decode(1n))).toEqual({ executeOnly: true, gigabytePages: false });
});

test('options that no processor has are rejected', () => {
  expect(() => decodeEptEntry(1n, 1, { modeBasedExecute: true, executeOnly: false })).toThrow(
    InvalidArgumentError,
  );
  expect(() => decodeEptEntry(1n, 1, { maxPhysicalAddress: 53 })).toThrow(InvalidArgumentError);
  expect(() => decodeEptEntry(-1n, 1)).toThrow(InvalidArgumentError);
});
