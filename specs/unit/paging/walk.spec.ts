import { expect, test } from '@playwright/test';
import {
  levelSize,
  NonCanonicalAddressError,
  nptSpace,
  PagingError,
  tableIndex,
  walk,
  walkSync,
  x86Space,
  type Level,
  type LinuxVersion,
  type SyncPhysicalMemory,
} from '../../../lib/paging/index.js';
import { TableBuilder } from './support/table-builder.js';

const ADDRESS = 0x7f12_3456_7000n;
const LEAF = 0x8000_0000_1f0b_a867n;

function onePage(leaf = LEAF, level: Level = 1, address = ADDRESS, levels: 4 | 5 = 4) {
  const tables = new TableBuilder({ levels });
  const entry = tables.map(address, leaf, level);
  return { tables, entry, memory: tables.memory, space: x86Space({ cr3: tables.root, levels }) };
}

test('records every level: table, index, entry address = table + 8 × index, value', () => {
  const { tables, entry, memory, space } = onePage();
  const result = walkSync(memory, space, ADDRESS + 0x123n);
  expect(result.steps.map(({ name, index }) => [name, index])).toEqual([
    ['PML4', 254],
    ['PDPT', 72],
    ['PD', 418],
    ['PT', 359],
  ]);
  expect(result.steps.map((step) => step.tableAddress)).toEqual(
    [0n, 1n, 2n, 3n].map((number) => tables.root + number * 0x1000n),
  );
  for (const step of result.steps) {
    expect(step.entryAddress).toBe(step.tableAddress + 8n * BigInt(step.index));
    expect(step.raw).toBe(memory.read64(step.entryAddress));
    expect(step.entry.raw).toBe(step.raw);
    expect(step.entry.level).toBe(step.level);
  }
  expect(result.mapped).toBe(true);
  expect(result.leaf?.entryAddress).toBe(entry);
  expect(memory.reads).toHaveLength(4);
  expect(memory.reads.every((read) => read.length === 8)).toBe(true);
});

test('translates, with the offset into the page', () => {
  const { memory, space } = onePage();
  expect(walkSync(memory, space, ADDRESS + 0xabcn)).toMatchObject({
    mapped: true,
    physicalAddress: 0x1f0b_aabcn,
    pageAddress: 0x1f0b_a000n,
    pageSize: 4096n,
    root: space.root,
    levels: 4,
    format: 'x86',
  });
});

for (const [level, leaf, size] of [
  [2, 0x8000_0000_4020_10e7n, 2n << 20n],
  [3, 0x8000_0001_4000_10e7n, 1n << 30n],
] as const) {
  test(`a ${size >> 20n} MiB leaf ends the walk at level ${level}, and PAT is no part of its address`, () => {
    const { memory, space } = onePage(leaf, level);
    const result = walkSync(memory, space, ADDRESS + 0xabcn);
    const base = leaf & 0x000f_ffff_ffff_f000n & ~0x1000n;
    expect(result).toMatchObject({
      mapped: true,
      pageSize: size,
      pageAddress: base,
      physicalAddress: base + ((ADDRESS + 0xabcn) % levelSize(level)),
    });
    expect(result.steps).toHaveLength(5 - level);
  });
}

test('five levels: an address above 47 bits, and the same low address through PML5 entry 0', () => {
  const high = 0x00ab_cdef_1234_5000n;
  const { memory, space } = onePage(LEAF, 1, high, 5);
  const result = walkSync(memory, space, high + 8n);
  expect(result.steps[0]).toMatchObject({ name: 'PML5', level: 5, index: tableIndex(high, 5) });
  expect(result).toMatchObject({ mapped: true, physicalAddress: 0x1f0b_a008n });
});

test('a kernel address in the upper half', () => {
  const kernel = 0xffff_ffff_8120_0000n;
  const { memory, space } = onePage(0x100_0163n, 1, kernel);
  expect(walkSync(memory, space, kernel)).toMatchObject({ mapped: true, physicalAddress: 0x100_0000n });
});

test('leaf rights and effective rights are told apart: one level without U or W, or with NX, decides', () => {
  const cases = [
    [0x67n, 0x1067n, { write: true, execute: true, user: true }],
    [0x63n, 0x1067n, { write: true, execute: true, user: false }],
    [0x65n, 0x1067n, { write: false, execute: true, user: true }],
    [0x8000_0000_0000_0067n, 0x1067n, { write: true, execute: false, user: true }],
  ] as const;
  for (const upper of [2, 3, 4] as const) {
    for (const [flags, leaf, effective] of cases) {
      const { tables, memory, space } = onePage(leaf);
      const at = tables.entryAddress(ADDRESS, upper);
      memory.write64(at, (memory.read64(at) & 0x000f_ffff_ffff_f000n) | flags);
      const result = walkSync(memory, space, ADDRESS);
      expect(result).toMatchObject({
        mapped: true,
        leafRights: { read: true, write: true, execute: true, user: true, userExecute: true },
        effectiveRights: { read: true, ...effective, userExecute: effective.user && effective.execute },
      });
    }
  }
});

test('a leaf alone can withhold each right', () => {
  const rightsOf = (leaf: bigint) => {
    const { memory, space } = onePage(leaf);
    const result = walkSync(memory, space, ADDRESS);
    return result.mapped ? result.effectiveRights : undefined;
  };
  expect(rightsOf(0x1065n)).toMatchObject({ write: false, execute: true, user: true });
  expect(rightsOf(0x1063n)).toMatchObject({ write: true, execute: true, user: false, userExecute: false });
  expect(rightsOf(0x8000_0000_0000_1067n)).toMatchObject({ write: true, execute: false, user: true });
  // Ignored bits and the protection key, 62:52, withhold none.
  expect(rightsOf(0x7ff0_0000_0000_1067n)).toMatchObject({ write: true, execute: true, user: true });
});

test('without NXE bit 63 is a reserved bit, and everything else is executable', () => {
  const { tables, memory } = onePage();
  const space = x86Space({ cr3: tables.root, nxe: false });
  expect(walkSync(memory, space, ADDRESS)).toMatchObject({
    mapped: false,
    fault: { reason: 'reserved-bits', level: 1 },
  });
  memory.write64(tables.entryAddress(ADDRESS, 1), 0x1067n);
  expect(walkSync(memory, space, ADDRESS)).toMatchObject({
    mapped: true,
    effectiveRights: { execute: true },
  });
});

test('absence is a fault with level and address at every level, never frame 0', () => {
  for (const level of [1, 2, 3, 4] as const) {
    const { tables, memory, space } = onePage();
    const entryAddress = tables.entryAddress(ADDRESS, level);
    memory.write64(entryAddress, 0n);
    const result = walkSync(memory, space, ADDRESS);
    expect(result).toMatchObject({
      mapped: false,
      leaf: undefined,
      fault: { reason: 'not-present', level, entryAddress, raw: 0n },
    });
    expect(result).not.toHaveProperty('physicalAddress');
    expect(result.steps).toHaveLength(5 - level);
  }
});

test('frame 0 is a valid frame', () => {
  const { memory, space } = onePage(0x67n);
  expect(walkSync(memory, space, ADDRESS)).toMatchObject({ mapped: true, physicalAddress: 0n });
});

test('the fault says in one sentence where, why, and what the kernel keeps there', () => {
  const { tables, memory, space } = onePage();
  const messageOf = (raw: bigint, kernel?: LinuxVersion): string | undefined => {
    memory.write64(tables.entryAddress(ADDRESS, 1), raw);
    const read = kernel ? x86Space({ cr3: tables.root, kernel }) : space;
    return walkSync(memory, read, ADDRESS).fault?.message;
  };
  expect(messageOf(0n)).toBe(
    '0x7f1234567000 has no translation: PT entry at 0x103b38 = 0x0: the entry is not present',
  );
  expect(messageOf(0xffff_fe0f_4512_0n)).toContain(
    ': the entry is not present (PROT_NONE, page at 0x1f0ba000)',
  );
  const swap = (type: bigint, offset: bigint): bigint =>
    (type << 59n) | ((~offset & ((1n << 50n) - 1n)) << 9n);
  expect(messageOf(swap(2n, 0x123n))).toContain('(swap entry, type 2, offset 0x123)');
  // 6.12 has one type fewer of its own, 6.15 two: what cannot be told without the kernel is not told.
  const migrating = swap(24n, 0x1f0ban | (1n << 40n));
  expect(messageOf(migrating)).toContain("(an entry of the kernel's own, swap type 24: migration, ");
  expect(messageOf(migrating, '6.1')).toContain('(migration entry, type 24, page at 0x1f0ba000)');
  expect(messageOf(migrating, '6.12')).toContain('(migration entry, ');
  expect(messageOf(migrating, '6.15')).toContain('(poisoned entry, ');
});

test('an entry of the kernel half that is not present is no swap entry', () => {
  const kernelAddress = 0xffff_8880_0000_0000n;
  const tables = new TableBuilder();
  tables.map(kernelAddress, 0x1f0b_a866n);
  const { memory } = tables;
  const { fault } = walkSync(memory, x86Space({ cr3: tables.root }), kernelAddress);
  expect(fault?.message).toMatch(/: the entry is not present$/);
});

test('reserved bits fault where they are met', () => {
  const { tables, memory } = onePage();
  const space = x86Space({ cr3: tables.root, maxPhysicalAddress: 40 });
  const entryAddress = tables.entryAddress(ADDRESS, 3);
  memory.write64(entryAddress, memory.read64(entryAddress) | (1n << 40n));
  expect(walkSync(memory, space, ADDRESS)).toMatchObject({
    mapped: false,
    fault: { reason: 'reserved-bits', level: 3, entryAddress },
  });
});

test('a table outside RAM is a fault with the address', () => {
  const { tables, memory, space } = onePage();
  memory.write64(tables.entryAddress(ADDRESS, 2), 0xdead_b000n | 0x67n);
  expect(walkSync(memory, space, ADDRESS)).toMatchObject({
    mapped: false,
    fault: {
      reason: 'unreadable',
      level: 1,
      name: 'PT',
      entryAddress: 0xdead_b000n + 8n * 359n,
      raw: undefined,
    },
  });
});

test('a non-canonical address is an error before anything is read', async () => {
  const { memory, space } = onePage();
  expect(() => walkSync(memory, space, 0x0000_8000_0000_0000n)).toThrow(NonCanonicalAddressError);
  await expect(walk(memory, space, 0x0000_8000_0000_0000n)).rejects.toThrow(NonCanonicalAddressError);
  expect(memory.reads).toEqual([]);
});

test('PCID, flags and LAM bits of CR3 are no part of the root; nor is the C-bit of anything', () => {
  const tables = new TableBuilder();
  tables.map(ADDRESS, LEAF | (1n << 47n));
  const top = tables.entryAddress(ADDRESS, 4);
  tables.memory.write64(top, tables.memory.read64(top) | (1n << 47n));
  const cr3 = (3n << 61n) | (1n << 47n) | tables.root | 0x8abn;
  const space = x86Space({ cr3, encryptionMask: 1n << 47n, maxPhysicalAddress: 43 });
  expect(space.root).toBe(tables.root);
  expect(walkSync(tables.memory, space, ADDRESS)).toMatchObject({ physicalAddress: 0x1f0b_a000n });
});

test('the asynchronous driver gives the same result', async () => {
  const { memory, space } = onePage();
  expect(await walk(memory, space, ADDRESS)).toEqual(walkSync(memory, space, ADDRESS));
  expect(await walk(memory, space, 0x1000n)).toEqual(walkSync(memory, space, 0x1000n));
});

test('what a reader throws that is not "not RAM" passes through; a short read is an error', async () => {
  const { space } = onePage();
  const lost = new Error('connection lost');
  const failing: SyncPhysicalMemory = {
    readSync: () => {
      throw lost;
    },
    read: () => Promise.reject(lost),
  };
  expect(() => walkSync(failing, space, ADDRESS)).toThrow(lost);
  await expect(walk(failing, space, ADDRESS)).rejects.toBe(lost);
  const short: SyncPhysicalMemory = {
    readSync: () => new Uint8Array(4),
    read: () => Promise.resolve(new Uint8Array(4)),
  };
  expect(() => walkSync(short, space, ADDRESS)).toThrow(PagingError);
  await expect(walk(short, space, ADDRESS)).rejects.toThrow(/returned 4 bytes for a read of 8/);
});

test('an error of any class that carries notRamAt counts as "not RAM"', () => {
  const { space } = onePage();
  const hole = Object.assign(new Error('a hole'), { notRamAt: space.root + 254n * 8n });
  const memory: SyncPhysicalMemory = {
    readSync: () => {
      throw hole;
    },
    read: () => Promise.reject(hole),
  };
  expect(walkSync(memory, space, ADDRESS)).toMatchObject({
    mapped: false,
    fault: { reason: 'unreadable', level: 4 },
  });
});

test('NPT takes any address that fits and extends none', () => {
  const tables = new TableBuilder();
  tables.map(0x8000_0000_0000n, 0x1067n);
  const space = nptSpace({ cr3: tables.root });
  expect(walkSync(tables.memory, space, 0x8000_0000_0008n)).toMatchObject({
    format: 'npt',
    mapped: true,
    physicalAddress: 0x1008n,
  });
  expect(() => walkSync(tables.memory, space, 0x1_0000_0000_0000n)).toThrow(/wider than the 48 bits/);
});

test('under page-table isolation the kernel copy forbids execution of user pages, the user copy does not', () => {
  const tables = new TableBuilder({ base: 0x10_0000n });
  const user = tables.newTable();
  expect(user).toBe(tables.root | 0x1000n);
  tables.map(ADDRESS, 0x1f0b_a067n);
  const top = tables.entryAddress(ADDRESS, 4);
  const pgd = tables.memory.read64(top);
  tables.memory.write64(top, pgd | (1n << 63n));
  tables.memory.write64(top + 0x1000n, pgd);
  const execute = (cr3: bigint) => {
    const result = walkSync(tables.memory, x86Space({ cr3 }), ADDRESS);
    return result.mapped ? [result.leafRights.execute, result.effectiveRights.execute] : undefined;
  };
  expect(execute(tables.root | 0x001n)).toEqual([true, false]);
  expect(execute(tables.root | 0x1801n)).toEqual([true, true]);
});

test('"not RAM" about another address is no answer to this read', () => {
  const { space } = onePage();
  const other = Object.assign(new Error('another address of the batch'), { notRamAt: space.root + 0x8000n });
  const memory: SyncPhysicalMemory = {
    readSync: () => {
      throw other;
    },
    read: () => Promise.reject(other),
  };
  expect(() => walkSync(memory, space, ADDRESS)).toThrow(other);
});
