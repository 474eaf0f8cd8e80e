import { expect, test } from '@playwright/test';
import {
  checkAccess,
  walkSync,
  x86Space,
  type Access,
  type AccessControls,
} from '../../../lib/paging/index.js';
import { TableBuilder } from './support/table-builder.js';

const ADDRESS = 0x7f12_3456_7000n;
const NX = 1n << 63n;

/** 'permitted', 'unknown' or the error code. */
function outcome(
  leaf: bigint,
  access: string,
  controls?: AccessControls,
  change?: (tables: TableBuilder) => void,
) {
  const tables = new TableBuilder();
  tables.map(ADDRESS, leaf);
  change?.(tables);
  const walk = walkSync(tables.memory, x86Space({ cr3: tables.root, maxPhysicalAddress: 46 }), ADDRESS);
  const [mode, kind] = access.split(' ') as [string, Access['kind']];
  const result = checkAccess(walk, { kind, user: mode === 'user' }, controls);
  return result.pageFault?.raw ?? result.outcome;
}

test('a page whose _PAGE_USER was cleared: user reads fault with 0x5, user writes with 0x7', () => {
  expect(outcome(NX | 0x1f0b_a867n, 'user read')).toBe('permitted');
  expect(outcome(NX | 0x1f0b_a867n, 'user write')).toBe('permitted');
  expect(outcome(NX | 0x1f0b_a863n, 'user read')).toBe(0x5n);
  expect(outcome(NX | 0x1f0b_a863n, 'user write')).toBe(0x7n);
  expect(outcome(NX | 0x1f0b_a863n, 'user fetch')).toBe(0x15n);
  expect(outcome(NX | 0x1f0b_a863n, 'kernel read')).toBe('permitted');
  expect(outcome(NX | 0x1f0b_a863n, 'kernel write')).toBe('permitted');
});

test('the effective right counts, not the leaf’s', () => {
  const clearUser = (tables: TableBuilder) => {
    const entry = tables.entryAddress(ADDRESS, 3);
    tables.memory.write64(entry, tables.memory.read64(entry) & ~4n);
  };
  expect(outcome(0x1067n, 'user read', {}, clearUser)).toBe(0x5n);
});

test('absent pages and reserved bits', () => {
  expect(outcome(0n, 'user read')).toBe(0x4n);
  expect(outcome(0n, 'user write')).toBe(0x6n);
  expect(outcome(0n, 'kernel read')).toBe(0x0n);
  expect(outcome(0n, 'kernel fetch')).toBe(0x10n);
  expect(outcome((1n << 46n) | 0x1067n, 'user read')).toBe(0xdn);
  expect(outcome((1n << 46n) | 0x1067n, 'kernel write')).toBe(0xbn);
});

test('a table that cannot be read leaves the outcome unknown', () => {
  expect(
    outcome(0x1067n, 'user read', {}, (tables) => {
      tables.memory.write64(tables.entryAddress(ADDRESS, 2), 0xdead_b067n);
    }),
  ).toBe('unknown');
});

test('read-only pages, and CR0.WP for the supervisor', () => {
  expect(outcome(0x1065n, 'user write')).toBe(0x7n);
  expect(outcome(0x1061n, 'kernel write')).toBe(0x3n);
  expect(outcome(0x1061n, 'kernel write', { writeProtect: false })).toBe('permitted');
  expect(outcome(0x1065n, 'user write', { writeProtect: false })).toBe(0x7n);
});

test('NX', () => {
  expect(outcome(0x1065n, 'user fetch')).toBe('permitted');
  expect(outcome(NX | 0x1065n, 'user fetch')).toBe(0x15n);
  expect(outcome(NX | 0x1061n, 'kernel fetch')).toBe(0x11n);
});

test('SMEP and SMAP keep the supervisor from user pages', () => {
  expect(outcome(0x1067n, 'kernel read')).toBe(0x1n);
  expect(outcome(0x1067n, 'kernel write')).toBe(0x3n);
  expect(outcome(0x1067n, 'kernel fetch')).toBe(0x11n);
  expect(outcome(0x1067n, 'kernel read', { smap: false })).toBe('permitted');
  expect(outcome(0x1067n, 'kernel write', { smap: false })).toBe('permitted');
  expect(outcome(0x1067n, 'kernel fetch', { smap: false })).toBe(0x11n);
  expect(outcome(0x1067n, 'kernel fetch', { smep: false })).toBe('permitted');
});

test('protection keys: access and write disable, for user pages only', () => {
  const key5 = 5n << 59n;
  const noAccess = 1 << 10;
  const noWrite = 1 << 11;
  expect(outcome(key5 | 0x1067n, 'user read', { pkru: noAccess })).toBe(0x25n);
  expect(outcome(key5 | 0x1067n, 'user write', { pkru: noWrite })).toBe(0x27n);
  expect(outcome(key5 | 0x1067n, 'user read', { pkru: noWrite })).toBe('permitted');
  expect(outcome(key5 | 0x1067n, 'user fetch', { pkru: noAccess })).toBe('permitted');
  expect(outcome(0x1067n, 'user read', { pkru: noAccess })).toBe('permitted');
  expect(outcome(key5 | 0x1063n, 'kernel read', { pkru: noAccess })).toBe('permitted');
  expect(outcome(key5 | 0x1067n, 'kernel write', { pkru: noWrite, smap: false })).toBe(0x23n);
  expect(outcome(key5 | 0x1067n, 'kernel write', { pkru: noWrite, smap: false, writeProtect: false })).toBe(
    'permitted',
  );
  expect(outcome((15n << 59n) | 0x1067n, 'user read', { pkru: 1 << 30 })).toBe(0x25n);
});
